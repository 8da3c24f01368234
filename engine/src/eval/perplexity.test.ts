import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { PerplexityProgress } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { logitsOf } from './logits.ts';
import { measurePerplexity } from './perplexity.ts';
import { planWindows } from './windows.ts';

const model = await loadModel(fileURLToPath(new URL('../../../models/quill-16m', import.meta.url)), { binding: await loadBinding() });
const text =
  'Quantization stores numbers with fewer bits. Every group of weights shares one scale, and the rounding error grows with the largest weight of the group.';

/** Nats of ids[from..] in one window, from its logits in f64. */
async function natsByHand(ids: Int32Array, from: number): Promise<number> {
  const logits = await logitsOf(model, ids);
  const width = model.config.shape.vocabSize;
  let nats = 0;
  for (let at = from - 1; at + 1 < ids.length; at++) {
    const row = Array.from(logits.subarray(at * width, (at + 1) * width));
    const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    nats += largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0)) - (row[ids[at + 1] ?? 0] ?? Number.NaN);
  }
  return nats;
}

test('the loss is the log-softmax of the logits, summed over every token but the first', async () => {
  const tokenizer = await model.tokenizer();
  const ids = tokenizer.encode(text, { specialTokens: true });
  const nats = await natsByHand(ids, 1);
  const result = await measurePerplexity(model, text);
  assert.ok(Math.abs(result.totalNats / nats - 1) < 1e-5, `${result.totalNats} and ${nats}`);
  assert.equal(result.predictedTokens, ids.length - 1);
  assert.equal(result.perplexity, Math.exp(result.totalNats / result.predictedTokens));
  assert.equal(result.predictedBytes, Buffer.byteLength(text) - tokenizer.bytesOf(ids[0] ?? 0).length);
});

test('overlapping windows predict every token but the first once, with the context of their window', async () => {
  const ids = (await model.tokenizer()).encode(text, { specialTokens: true });
  let nats = 0;
  for (const { begin, end, firstPredicted } of planWindows(ids.length, 16, 8)) nats += await natsByHand(ids.slice(begin, end), firstPredicted - begin);
  const sliding = await measurePerplexity(model, text, { window: 16, stride: 8 });
  assert.equal(sliding.predictedTokens, ids.length - 1);
  assert.ok(Math.abs(sliding.totalNats / nats - 1) < 1e-5, `${sliding.totalNats} and ${nats}`);
});

test('windows that run at once count as those that run one by one', async () => {
  const options = { window: 16, stride: 12 } as const;
  const one = await measurePerplexity(model, text.repeat(5), { ...options, batch: 1 });
  for (const batch of [undefined, 3, 16]) {
    const several = await measurePerplexity(model, text.repeat(5), { ...options, ...(batch === undefined ? {} : { batch }) });
    assert.ok(Math.abs(several.totalNats / one.totalNats - 1) < 1e-6, `${several.totalNats} and ${one.totalNats}`);
    assert.deepEqual([several.windows, several.predictedTokens, several.predictedBytes], [one.windows, one.predictedTokens, one.predictedBytes]);
  }
});

test('progress counts windows and an abort stops between them', async () => {
  const seen: PerplexityProgress[] = [];
  const controller = new AbortController();
  const onProgress = (progress: PerplexityProgress): void => {
    seen.push(progress);
    if (seen.length === 2) controller.abort();
  };
  await assert.rejects(measurePerplexity(model, text, { window: 8, signal: controller.signal, onProgress }), { name: 'AbortError' });
  assert.deepEqual(
    seen.map(({ windowsDone }) => windowsDone),
    [1, 2],
  );
});

test('options that the model cannot serve are refused by name', async () => {
  for (const [options, name] of [
    [{ window: 4096 }, 'window'],
    [{ window: 1 }, 'window'],
    [{ window: 16, stride: 17 }, 'stride'],
    [{ maxTokens: 1 }, 'maxTokens'],
    [{ batch: 0 }, 'batch'],
  ] as const) {
    await assert.rejects(
      measurePerplexity(model, text, options),
      (error) => error instanceof EngineError && error.kind === 'input' && error.message.startsWith(name),
    );
  }
  await assert.rejects(measurePerplexity(model, ''), /has 0 tokens; at least 2 are needed/);
});
