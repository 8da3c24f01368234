import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelFiles } from '@quantwright/schemas/checkpoint/model-files';
import { defaultSettings } from '../settings.ts';
import { createModelFiles } from './modelFiles.ts';

const withTensors: ModelFiles = { texts: new Map(), tensors: { tensors: new Map(), modules: ['lm_head'], problems: [] } };
const withTexts: ModelFiles = { texts: new Map([['config.json', '{}']]), tensors: null };

function memory(directories: Record<string, ModelFiles>, watched: boolean) {
  const reads: string[] = [];
  const clock = { now: 0 };
  const files = createModelFiles(
    (directory) => {
      reads.push(directory);
      return Promise.resolve(directories[directory] ?? { texts: new Map(), tensors: null });
    },
    () => watched,
    () => clock.now,
  );
  return { reads, clock, of: () => files.of('file:///w/my.quant.json', defaultSettings, []), files };
}

test('tensors are looked for beside the config and in model, and texts are enough without them', async () => {
  assert.equal(await memory({ 'file:///w': withTexts, 'file:///w/model': withTensors }, true).of(), withTensors);
  assert.equal(await memory({ 'file:///w': withTexts }, true).of(), withTexts);
  assert.equal(await memory({}, true).of(), null);
});

test('a watched directory is read again after a change there only; without a watcher an answer holds for a second', async () => {
  const watched = memory({ 'file:///w': withTensors }, true);
  await watched.of();
  watched.clock.now = 1e6;
  await watched.of();
  watched.files.forget('file:///elsewhere/x.safetensors');
  await watched.of();
  assert.equal(watched.reads.length, 1);
  watched.files.forget('file:///w/model.safetensors');
  await watched.of();
  assert.equal(watched.reads.length, 2);
  const alone = memory({ 'file:///w': withTensors }, false);
  await alone.of();
  alone.clock.now = 500;
  await alone.of();
  assert.equal(alone.reads.length, 1);
  alone.clock.now = 1500;
  await alone.of();
  assert.equal(alone.reads.length, 2);
});

test('nothing is read where the workspace is not trusted', async () => {
  const { files, reads } = memory({ 'file:///w': withTensors }, true);
  assert.equal(await files.of('file:///w/my.quant.json', { ...defaultSettings, readNeighbours: false }, []), null);
  assert.deepEqual(reads, []);
});
