import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presetFileName, presets, presetText } from './presets.ts';

test('a preset is written as JSON that reads back as its config', () => {
  for (const preset of presets) assert.deepEqual(JSON.parse(presetText(preset)), preset.config);
});

test('preset ids are distinct, since they name files', () => {
  assert.equal(new Set(presets.map(({ id }) => id)).size, presets.length);
});

const [first] = presets;
assert.ok(first);

test('a free name is taken, and a file with the same text is used again', async () => {
  assert.equal(await presetFileName(first, async () => null), 'int8.quant.json');
  assert.equal(await presetFileName(first, async () => presetText(first)), 'int8.quant.json');
});

test('a file that was edited is never overwritten', async () => {
  const files = new Map([
    ['int8.quant.json', '{}'],
    ['int8-2.quant.json', '{ "group_size": 64 }'],
  ]);
  assert.equal(await presetFileName(first, async (name) => files.get(name) ?? null), 'int8-3.quant.json');
});
