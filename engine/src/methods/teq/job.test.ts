// TEQ as a job, from config to files: both modes train and run, gptq may round behind it, what does not fit is refused with the mode that does, and on the embedded
// model the result is closer to the original than rounding to nearest.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../../errors.ts';
import { logitsOf } from '../../eval/logits.ts';
import { measurePerplexity } from '../../eval/perplexity.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { loadModel } from '../../model/load.ts';
import { quill, texts, workspace } from '../../pipeline/testing/calibrated-jobs.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * 337 + 5) % 8192);
const calibration = { dataset: 'text.txt', samples: 8, sequence_length: 24 };

for (const [mode, method, events] of [
  ['lm_loss', 'teq', 6],
  ['layer_wise', 'teq', 12],
  ['lm_loss', ['teq', 'gptq'], 6],
] as const) {
  test(`${mode} before ${method === 'teq' ? 'rounding' : 'gptq'}: trains, and the result runs`, async (t) => {
    const work = await workspace(t);
    const model = await work.model();
    const trained: Extract<QuantizeProgress, { phase: 'train' }>[] = [];
    const config = { quant_method: method, weight_format: 'uint4', group_size: 32, teq: { mode, steps: 6, batch_size: 3, learning_rate: 0.01 }, calibration };
    const onProgress = (event: QuantizeProgress): void => {
      if (event.phase === 'train') trained.push(event);
    };
    const { outDir } = await work.quantize(model, config, { onProgress });
    assert.equal(trained.length, events);
    assert.deepEqual(
      trained.map(({ block }) => block),
      Array.from({ length: events }, (_, step) => (mode === 'lm_loss' ? null : Math.floor(step / 6))),
    );
    assert.ok(trained.every(({ loss, steps }) => loss > 0 && steps === 6));
    const before = await logitsOf(await loadModel(model, { binding }), ids);
    const after = await logitsOf(await loadModel(outDir, { binding }), ids);
    const size = before.reduce((sum, value) => sum + value * value, 0);
    const error = Math.sqrt(after.reduce((sum, value, at) => sum + (value - (before[at] ?? 0)) ** 2, 0) / size);
    assert.ok(error > 0 && error < 0.5, String(error));
  });
}

test('a model that does not fit twice in f32 is refused, and told what fits', async (t) => {
  const work = await workspace(t);
  const model = await work.model(60);
  const config = { quant_method: 'teq', weight_format: 'uint4', group_size: 32, calibration };
  const refused = (error: unknown): boolean => error instanceof EngineError && error.kind === 'config' && /"teq": \{"mode": "layer_wise"\}/.test(error.message);
  await assert.rejects(work.quantize(model, config, {}, undefined, { memoryLimitBytes: process.memoryUsage.rss() + 44 * 2 ** 20 }), refused);
});

test('on the embedded model trained scales lose less than none', async (t) => {
  const work = await workspace(t);
  const text = join(texts, 'quant_chat_calibration.txt');
  const common = { weight_format: 'uint3', group_size: 128, dialect: 'inc', save_format: 'gptq_v2' };
  const perplexity = async (config: object): Promise<number> => {
    const { outDir } = await work.quantize(quill, { ...common, ...config }, {}, undefined, config === rounding ? {} : { calibrationPath: text });
    const model = await loadModel(outDir, { binding });
    return (await measurePerplexity(model, await readFile(join(texts, 'quant_chat_evaluation.txt'), 'utf8'), { window: 256, maxTokens: 2048 })).perplexity;
  };
  const rounding = { quant_method: 'rtn' };
  const [rtn, teq] = [
    await perplexity(rounding),
    await perplexity({
      quant_method: ['teq', 'rtn'],
      teq: { steps: 24, batch_size: 2, learning_rate: 0.01 },
      calibration: { samples: 48, sequence_length: 64 },
    }),
  ];
  t.diagnostic(`perplexity: rtn ${rtn.toFixed(3)}, teq ${teq.toFixed(3)}`);
  assert.ok(teq < rtn, `${teq} and ${rtn}`);
});
