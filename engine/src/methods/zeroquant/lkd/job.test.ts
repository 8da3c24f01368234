// LKD as a job, from config to files: chosen blocks are trained and told, the losses lie beside the model, a stopped job goes on to the same bytes, what does
// not help is not used, and what cannot be is refused.
import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BlockTraining, QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../../../errors.ts';
import { measurePerplexity } from '../../../eval/perplexity.ts';
import { loadBinding } from '../../../jobs/binding.ts';
import { loadModel } from '../../../model/load.ts';
import { planJob } from '../../../pipeline/prepare-job.ts';
import { quantizeModel } from '../../../pipeline/quantize.ts';
import { quill, texts, workspace } from '../../../pipeline/testing/calibrated-jobs.ts';

const binding = await loadBinding();
const calibration = { dataset: 'text.txt', samples: 8, sequence_length: 24 };
const weightOnly = { quant_method: 'zeroquant', weight_format: 'int4', compute_method: 'weight_only', calibration };
const lkd = { steps: 12, learning_rate: 3e-4, batch_size: 3 };
type Training = Extract<QuantizeProgress, { phase: 'train' }>;

for (const [name, change] of [
  ['4-bit weights, one scale a row', {}],
  ['zero points for groups of columns', { weight_format: 'uint4', group_size: 32 }],
  ['parts of the flat weights, some of rows and a half', { zeroquant: { quantize_groups: 128, lkd } }],
  ['integer activations', { compute_method: 'activate_quant', weight_format: 'int8', zeroquant: { lkd: { ...lkd, learning_rate: 1e-5 } } }],
  [
    'activations of calibrated scales',
    {
      compute_method: 'activate_quant',
      activations: { granularity: 'per_tensor', dynamic: false },
      weight_format: 'int8',
      zeroquant: { lkd: { ...lkd, learning_rate: 1e-5 } },
    },
  ],
  ['on what the quantized blocks before it give', { compute_method: 'activate_quant', zeroquant: { lkd: { ...lkd, inputs: 'quantized' } } }],
  ['behind SmoothQuant', { quant_method: ['smoothquant', 'zeroquant'] }],
] as const) {
  test(`${name}: every step is told, and every block comes nearer to itself in full precision`, async (t) => {
    const work = await workspace(t);
    const told: Training[] = [];
    const onProgress = (event: QuantizeProgress): void => {
      if (event.phase === 'train') told.push(event);
    };
    const { outDir, result } = await work.quantize(await work.model(), { ...weightOnly, zeroquant: { lkd }, ...change }, { onProgress });
    const training = result.training ?? assert.fail('no training was told');
    assert.deepEqual(
      training.map(({ block, losses }) => [block, losses]),
      [0, 1].map((block) => [block, told.filter((event) => event.block === block).map(({ loss }) => loss)]),
    );
    assert.ok(told.every(({ step, steps, blocks }, at) => step === (at % lkd.steps) + 1 && steps === lkd.steps && blocks === result.modules.length / 7));
    t.diagnostic(training.map(({ before, after }) => `${before.toExponential(2)} -> ${after.toExponential(2)}`).join(', '));
    for (const { before, after } of training) assert.ok(after < before && after > 0);
    const kept = JSON.parse(await readFile(join(outDir, 'zeroquant-lkd.json'), 'utf8')) as readonly BlockTraining[];
    assert.deepEqual(kept, training);
    assert.deepEqual(result.warnings, []);
    await loadModel(outDir, { binding });
  });
}

test('only the chosen blocks are trained; the others are those of a job without lkd', async (t) => {
  const work = await workspace(t);
  const model = await work.model(3);
  const plain = await work.quantize(model, weightOnly);
  const last = await work.quantize(model, { ...weightOnly, zeroquant: { lkd: { ...lkd, blocks: [-1] } } });
  assert.deepEqual(
    last.result.training?.map(({ block }) => block),
    [2],
  );
  const noise = (modules: typeof plain.result.modules, block: number): readonly number[] =>
    modules.filter(({ module }) => module.includes(`.${block}.`)).map(({ sqnrDb }) => sqnrDb);
  for (const block of [0, 1]) assert.deepEqual(noise(last.result.modules, block), noise(plain.result.modules, block));
  assert.notDeepEqual(noise(last.result.modules, 2), noise(plain.result.modules, 2));
  assert.ok(!readdirSync(plain.outDir).includes('zeroquant-lkd.json'));
});

for (const inputs of ['original', 'quantized'] as const)
  test(`on ${inputs} inputs: stopped anywhere, it goes on to the same bytes and the same losses`, async (t) => {
    const work = await workspace(t);
    const model = await work.model(3);
    const killed: string[] = [];
    let events = 0;
    const whole = await work.quantize(
      model,
      { ...weightOnly, compute_method: 'activate_quant', zeroquant: { lkd: { ...lkd, inputs } } },
      {
        onProgress: (event) => {
          if ((event.phase !== 'module' && event.phase !== 'train') || events++ % 9 !== 5) return;
          const left = join(work.root, `killed${events}`);
          cpSync(join(work.root, 'out1.partial'), `${left}.partial`, { recursive: true });
          killed.push(left);
        },
      },
    );
    assert.ok(killed.length >= 4);
    for (const outDir of killed) {
      const params = { modelDir: model, configPath: join(work.root, 'a.quant.json'), outDir, resume: true };
      const result = await quantizeModel(params, { loadBinding: async () => binding });
      assert.deepEqual(result.training, whole.result.training);
      for (const name of readdirSync(whole.outDir))
        assert.ok((await readFile(join(outDir, name))).equals(await readFile(join(whole.outDir, name))), `${outDir} ${name}`);
    }
  });

test('cancelled while it trains, it ends at once and leaves nothing', async (t) => {
  const work = await workspace(t);
  const model = await work.model(2);
  const controller = new AbortController();
  const steps: number[] = [];
  const onProgress = (event: QuantizeProgress): void => {
    if (event.phase !== 'train') return;
    steps.push(event.step);
    if (event.step === 3) controller.abort(new Error('stop it'));
  };
  await assert.rejects(work.quantize(model, { ...weightOnly, zeroquant: { lkd } }, { onProgress, signal: controller.signal }), /stop it/);
  assert.deepEqual(steps, [1, 2, 3]);
  assert.deepEqual(
    readdirSync(work.root).filter((name) => name.startsWith('out')),
    [],
  );
});

test('training that does not help is told and not used', async (t) => {
  const work = await workspace(t);
  const model = await work.model(1);
  const plain = await work.quantize(model, weightOnly);
  const wild = await work.quantize(model, { ...weightOnly, zeroquant: { lkd: { ...lkd, learning_rate: 1 } } });
  assert.match(wild.result.warnings.join('\n'), /block 0: lkd did not bring it nearer .* a smaller "learning_rate" than 1 may do better/);
  assert.equal(wild.result.training?.[0]?.after, wild.result.training?.[0]?.before);
  assert.deepEqual(wild.result.modules, plain.result.modules);
});

test('blocks that are not there and memory that does not suffice are refused before any work', async (t) => {
  const work = await workspace(t);
  const model = await work.model(2);
  const refused =
    (words: RegExp) =>
    (error: unknown): boolean =>
      error instanceof EngineError && error.kind === 'config' && words.test(error.message);
  await assert.rejects(work.quantize(model, { ...weightOnly, zeroquant: { lkd: { ...lkd, blocks: [2] } } }), refused(/block 2 is not one of the model's 2/));
  const config = { ...weightOnly, zeroquant: { lkd } };
  await assert.rejects(
    work.quantize(model, config, {}, undefined, { memoryLimitBytes: process.memoryUsage.rss() + 30 * 2 ** 20 }),
    refused(/the job needs at least .* more than the memory limit/),
  );
  const request = { configPath: join(work.root, 'a.quant.json'), outDir: join(work.root, 'planned') };
  const [plan] = await planJob({ modelDir: model }, [request], { loadBinding: async () => binding });
  const train = plan?.memory.phases.find(({ phase }) => phase === 'train') ?? assert.fail('the plan has no training');
  assert.ok(train.parts.some(({ what, bytes }) => /gradients and moments/.test(what) && bytes === 20 * (64 * (64 + 32 + 32 + 64) + 3 * 64 * 96)));
});

test('on the embedded model 4-bit weights and activations lose less with it', async (t) => {
  const work = await workspace(t);
  const text = await readFile(join(texts, 'quant_chat_evaluation.txt'), 'utf8');
  const perplexity = async (zeroquant: object): Promise<number> => {
    const config = { quant_method: 'zeroquant', weight_format: 'int4', activations: { bits: 4 }, zeroquant, calibration: { samples: 32, sequence_length: 64 } };
    const { outDir } = await work.quantize(quill, config, {}, undefined, { calibrationPath: join(texts, 'quant_chat_calibration.txt') });
    const model = await loadModel(outDir, { binding });
    return (await measurePerplexity(model, text, { window: 256, maxTokens: 2048 })).perplexity;
  };
  const [plain, trained] = [await perplexity({}), await perplexity({ lkd: { steps: 24, learning_rate: 1e-3, batch_size: 4 } })];
  t.diagnostic(`perplexity: ${plain.toFixed(3)}, with lkd ${trained.toFixed(3)}`);
  assert.ok(trained < 0.8 * plain, `${trained} and ${plain}`);
});
