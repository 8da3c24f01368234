import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NativeBinding } from '@quantwright/native/binding';
import { EngineError } from '../../errors.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { buildBlock, buildEmbedding, buildHead } from '../../model/decoder.ts';
import { openDirectory } from '../../model/directory.ts';
import { loadModel } from '../../model/load.ts';
import { calibrateKv } from './calibrate.ts';
import { readKvquant } from './file.ts';
import { collectKeyValues } from './key-values.ts';
import type { SequenceRows } from './layer.ts';
import { defaultSettings } from './settings.ts';
import { splitBlock } from './split-block.ts';

const quill = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..', 'models', 'quill-16m');
const binding: NativeBinding = await loadBinding();
const tokens = Int32Array.from({ length: 40 }, (_, at) => 300 + ((at * 37) % 900));

test('the halves of a block give what the block gives', async () => {
  const opened = await openDirectory(quill);
  const weights = opened.weights(binding, {});
  const block = await buildBlock(opened.config, weights, 3);
  const width = opened.config.shape.hiddenSize;
  const hidden = Float32Array.from({ length: 10 * width }, (_, at) => Math.sin(at * 1.7));
  const run = (program: typeof block, input: Float32Array): Promise<Float32Array> =>
    binding.createTape({ program, replaced: [], wanted: [] }).forward(input, Int32Array.of(10), false);
  const { carried, tail } = splitBlock(block);
  const total = tail.values[0] ?? 0;
  const rows = new Float32Array(10 * total);
  for (const { front, offset, width: own } of carried) {
    const part = front === null ? hidden : await run(front, hidden);
    for (let row = 0; row < 10; row++) rows.set(part.subarray(row * own, (row + 1) * own), row * total + offset);
  }
  assert.deepEqual(await run(tail, rows), await run(block, hidden));
  weights.close();
});

test('squared gradients are those of the loss: a step against them changes it as they say', async () => {
  const opened = await openDirectory(quill);
  const weights = opened.weights(binding, {});
  const taken = new Map<number, SequenceRows>();
  const take = (layer: number, rows: SequenceRows): void => void taken.set(layer, rows);
  await collectKeyValues({ binding, config: opened.config, weights, file: quill, sequences: [tokens], fisher: true, take });
  const layers = opened.config.shape.layers;
  assert.equal(taken.size, layers);
  // The last block by itself: keys and values are moved along a channel, and the loss is taken behind the head.
  const lengths = Int32Array.of(tokens.length);
  const forward = async (program: typeof block, input: Float32Array | Int32Array): Promise<Float32Array> =>
    binding.createTape({ program, replaced: [], wanted: [] }).forward(input, lengths, false);
  let hidden = await forward(await buildEmbedding(opened.config, weights), tokens);
  for (let layer = 0; layer < layers - 1; layer++) hidden = await forward(await buildBlock(opened.config, weights, layer), hidden);
  const block = await buildBlock(opened.config, weights, layers - 1);
  const { carried, tail, value } = splitBlock(block);
  const total = tail.values[0] ?? 0;
  const rows = new Float32Array(tokens.length * total);
  for (const { front, offset, width } of carried) {
    const part = front === null ? hidden : await forward(front, hidden);
    for (let row = 0; row < tokens.length; row++) rows.set(part.subarray(row * width, (row + 1) * width), row * total + offset);
  }
  const head = binding.createTape({ program: await buildHead(opened.config, weights), replaced: [], wanted: [] });
  const lossOf = async (input: Float32Array): Promise<number> =>
    (await head.crossEntropy(await forward(tail, input), lengths, Int32Array.from([...tokens.subarray(1), -1]))).loss;
  const fisher = taken.get(layers - 1)?.valueFisher ?? new Float32Array();
  const { offset = 0, width = 0 } = carried[value] ?? {};
  const largest = fisher.indexOf(Math.max(...fisher));
  const at = Math.floor(largest / width) * total + offset + (largest % width);
  const step = 0.05;
  const moved = async (by: number): Promise<number> => lossOf(rows.map((x, i) => (i === at ? x + by : x)));
  const slope = ((await moved(step)) - (await moved(-step))) / (2 * step);
  assert.ok(Math.abs(slope ** 2 / (fisher[largest] ?? 0) - 1) < 0.05, `${slope ** 2} and ${fisher[largest]}`);
  weights.close();
});

test('a calibration is saved with the model, read again, and used by its sessions', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'kvquant-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  await cp(quill, directory, { recursive: true });
  await assert.rejects(readKvquant(directory, { bits: 3 }), (error: Error) => error instanceof EngineError && /calibrate-kv .* --bits 3/.test(error.message));
  const options = { binding, modelDir: directory, calibrationPath: null, samples: 2, sequenceLength: 96, bits: 3 } as const;
  await assert.rejects(calibrateKv({ ...options, settings: { ...defaultSettings, sparsity: 2 } }), /sparsity 2/);
  const result = await calibrateKv({ ...options, settings: { ...defaultSettings, qNorm: true } });
  assert.equal(result.tokens, 192);
  const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual(config['quantwright_kv_cache'], { method: 'kvquant', bits: 3, sparsity: 0.99, first_tokens: 1 });
  const cache = await readKvquant(directory, { bits: 3 });
  assert.equal(cache.layers[0]?.keyCodebook.length, 8);
  assert.equal(cache.layers[0]?.keyNorm?.length, 2);
  const model = await loadModel(directory, { binding });
  assert.equal(model.kvCache, 'kvquant3');
  const packed = await model.program.score(model.createSession(tokens.length), tokens, 0);
  const plain = await model.program.score(model.createSession(tokens.length, 'f32'), tokens, 0);
  const mean = (nats: Float64Array): number => nats.reduce((sum, one) => sum + one, 0) / nats.length;
  assert.notDeepEqual(packed, plain);
  assert.ok(Math.abs(mean(packed) - mean(plain)) < 0.15, `${mean(packed)} and ${mean(plain)}`);
});
