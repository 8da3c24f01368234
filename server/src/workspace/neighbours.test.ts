import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSettings } from '../settings.ts';
import { createNeighbours } from './neighbours.ts';

const uri = 'file:///w/my.quant.json';
const beside = 'file:///w/config.json';

function disk(files: Record<string, string>, open: Record<string, string> = {}) {
  const reads: string[] = [];
  const neighbours = createNeighbours({
    readText: (wanted) => {
      reads.push(wanted);
      return Promise.resolve(files[wanted] ?? null);
    },
    openText: (wanted) => open[wanted],
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
