import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSettings } from '../settings.ts';
import { createNeighbours } from './neighbours.ts';

const uri = 'file:///w/my.quant.json';
const beside = 'file:///w/config.json';

function disk(files: Record<string, string>, open: Record<string, string> = {}, watched = true) {
  const reads: string[] = [];
  const neighbours = createNeighbours({
    readText: (wanted) => {
      reads.push(wanted);
      return Promise.resolve(files[wanted] ?? null);
    },
    openText: (wanted) => open[wanted],
    watched: () => watched,
  });
  return { neighbours, reads, files, open };
}

test('the config beside the file is read once, and again after a change was reported', async () => {
  const { neighbours, reads, files } = disk({ [beside]: 'one' });
  assert.equal(await neighbours.modelConfigFor(uri, defaultSettings, []), 'one');
  files[beside] = 'two';
  assert.equal(await neighbours.modelConfigFor(uri, defaultSettings, []), 'one');
  neighbours.forget(beside);
  assert.equal(await neighbours.modelConfigFor(uri, defaultSettings, []), 'two');
  assert.deepEqual(reads, [beside, beside]);
});

test('an open document wins over the disk', async () => {
  const { neighbours } = disk({ [beside]: 'disk' }, { [beside]: 'editor' });
  assert.equal(await neighbours.modelConfigFor(uri, defaultSettings, []), 'editor');
});

test('an untrusted workspace reads nothing at all', async () => {
  const { neighbours, reads } = disk({ [beside]: 'secret' }, { [beside]: 'editor' });
  assert.equal(await neighbours.modelConfigFor(uri, { ...defaultSettings, readNeighbours: false }, []), null);
  assert.deepEqual(reads, []);
});

test('a document is concerned by every place its model may lie at, however the URI is spelled', () => {
  const { neighbours } = disk({});
  const concerns = (changed: string) => neighbours.concerns('file:///c%3A/w/my.quant.json', changed, defaultSettings, []);
  assert.ok(concerns('file:///c:/w/config.json'));
  assert.ok(concerns('file:///c%3A/w/model/config.json'));
  assert.ok(!concerns('file:///c:/elsewhere/config.json'));
});

test('without a watcher every question goes to the reader, which looks at the time of the file', async () => {
  const { neighbours, reads } = disk({ [beside]: 'one' }, {}, false);
  await neighbours.modelConfigFor(uri, defaultSettings, []);
  await neighbours.modelConfigFor(uri, defaultSettings, []);
  assert.deepEqual(reads, [beside, beside]);
});

test('the nearest side file speaks, and a change of it or of the model beside concerns the document', async () => {
  const near = 'file:///w/a/.quantwright/check.json';
  const { neighbours } = disk({ 'file:///w/.quantwright/check.json': 'far', [near]: 'near' });
  const document = 'file:///w/a/b/my.quant.json';
  assert.deepEqual(await neighbours.sideFileFor(document, defaultSettings, ['file:///w']), { uri: near, text: 'near' });
  assert.equal(await neighbours.sideFileFor(document, { ...defaultSettings, readNeighbours: false }, ['file:///w']), null);
  const concerns = (changed: string) => neighbours.concerns(document, changed, defaultSettings, ['file:///w']);
  assert.ok(concerns(near) && concerns('file:///w/a/b/model-00001-of-00002.safetensors') && concerns('file:///w/a/b/model/model.safetensors'));
  assert.ok(!concerns('file:///w/a/other.json'));
});
