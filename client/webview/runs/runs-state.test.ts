import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRow } from '@quantwright/schemas/rpc/runs-view';
import { changeWords, leftAfter } from './runs-state.ts';

const row = (file: string): RunRow => ({
  file,
  kind: 'ppl',
  started: '2026-11-23T12:00:00.000Z',
  seconds: 1,
  name: 'quill',
  detail: '',
  found: 'perplexity 9.2500',
  command: '',
  sweep: null,
});

test('runs are taken out of the report and put back, each once', () => {
  const [a, b] = [row('a'), row('b')];
  assert.deepEqual(leftAfter([], [a, b], false), ['a', 'b']);
  assert.deepEqual(leftAfter(['a'], [a], false), ['a']);
  assert.deepEqual(leftAfter(['a', 'b'], [a], true), ['b']);
});

test('a new run is announced with its numbers, several with how many', () => {
  assert.equal(changeWords([row('a')], [row('a')]), null);
  assert.equal(changeWords([row('a')], [row('b'), row('a')]), 'New run: perplexity of quill. perplexity 9.2500');
  assert.equal(changeWords([], [row('a'), row('b')]), '2 new runs.');
  assert.equal(changeWords([row('a'), row('b')], [row('b')]), '1 run is gone; 1 left.');
});
