import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameForSideFile, sideFileCandidates } from './sideFile.ts';

test('the side file is looked for from the document up to its workspace folder', () => {
  assert.deepEqual(sideFileCandidates('file:///w/p/models/a/config.json', ['file:///w/p', 'file:///other']), [
    'file:///w/p/models/a/.quantwright/check.json',
    'file:///w/p/models/.quantwright/check.json',
    'file:///w/p/.quantwright/check.json',
  ]);
});

test('outside every folder the walk ends at the root, and a document without a place has none', () => {
  assert.deepEqual(sideFileCandidates('file:///a/b.json', []), ['file:///a/.quantwright/check.json']);
  assert.deepEqual(sideFileCandidates('untitled:Untitled-1', []), []);
});

test('the side file calls a document by its path below the folder, however the URI is spelled', () => {
  assert.equal(nameForSideFile('file:///c%3A/p/a%20b/x.json', 'file:///c:/p/.quantwright/check.json'), 'a b/x.json');
});
