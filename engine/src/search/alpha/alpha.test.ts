// The search of SmoothQuant's alpha: no sequence is both learnt from and measured on, a point of the curve is the perplexity of the model that a job makes with that
// alpha, and the curve stands in the result, in a file beside the weights, and on the command line in the same form.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { alphaLines } from '../../commands/quantize.ts';
import { EngineError } from '../../errors.ts';
import { measureIds } from '../../eval/perplexity.ts';
import { loadBinding } from '../../jobs/binding.ts';
import type { ModelConfig } from '../../model/config.ts';
import { loadModel } from '../../model/load.ts';
import { judgeJob } from '../../pipeline/judge.ts';
import { phaseBytes } from '../../pipeline/memory/phase.ts';
import { quantizeModel } from '../../pipeline/quantize.ts';
import { quill, texts, workspace } from '../../pipeline/testing/calibrated-jobs.ts';
import { holdOut } from './held-out.ts';
import { alphaDemand, alphaSettings } from './memory.ts';
import { searchAlpha } from './search.ts';

const binding = await loadBinding();
const dataset = join(texts, 'quant_chat_calibration.txt');
const calibration = { dataset, samples: 12, sequence_length: 48 };
const config = { quant_method: 'smoothquant', weight_format: 'int4', compute_method: 'weight_only', save_format: 'quantwright', calibration };

test('sequences are learnt from or measured on, in their order, and both have some', () => {
  const lengths = fc.array(fc.integer({ min: 2, max: 700 }), { minLength: 2, maxLength: 90 });
  fc.assert(
    fc.property(lengths, (all) => {
      const sequences = all.map((length, index) => new Int32Array(length).fill(index));
      const { seen, held } = holdOut(sequences);
      assert.ok(seen.length > 0 && held.length > 0);
      const places = (some: readonly Int32Array[]): number[] => some.map((sequence) => sequence[0] ?? -1);
      assert.deepEqual(
        [...places(seen), ...places(held)].sort((a, b) => a - b),
        places(sequences),
      );
      for (const some of [places(seen), places(held)])
        assert.deepEqual(
          some,
          [...some].sort((a, b) => a - b),
        );
      assert.ok(held.length === 1 || held.length <= sequences.length / 4);
      assert.ok(held.length === 1 || held.reduce((sum, { length }) => sum + length, 0) <= 4096);
    }),
  );
});

test('one sequence cannot be divided, and a transform that learns is not repeated', async (t) => {
  assert.throws(() => holdOut([Int32Array.of(1, 2), Int32Array.of(3)]), /needs two at least; the calibration text has one sequence/);
  const work = await workspace(t);
  const learning = { ...config, quant_method: ['teq', 'smoothquant'], smoothquant: { alpha: 'auto' } };
  await assert.rejects(work.quantize(quill, learning), (error) => error instanceof EngineError && /not searched behind teq/.test(error.message));
});

test('a point of the curve is the perplexity of the model with that alpha', async (t) => {
  const work = await workspace(t);
  const configPath = join(work.root, 'auto.quant.json');
  await writeFile(configPath, JSON.stringify({ ...config, smoothquant: { alpha: 'auto', alphas: [0.35, 0.8] } }));
  const job = await judgeJob(configPath, quill);
  let held: readonly Int32Array[] = [];
  // Every sequence is looked at, as in the job.
  const { curve } = await searchAlpha(job, { modelDir: quill, configPath }, { binding }, (sequences) => {
    held = sequences.slice(0, 3);
    return { seen: sequences, held };
  });
  for (const { alpha, perplexity } of curve.alphas) {
    const { outDir } = await work.quantize(quill, { ...config, smoothquant: { alpha } });
    const model = await loadModel(outDir, { binding });
    let [nats, predicted] = [0, 0];
    for (const sequence of held) {
      const scored = await measureIds(model, sequence, () => 1);
      nats += scored.totalNats;
      predicted += scored.predictedTokens;
    }
    model.dispose();
    const expected = Math.exp(nats / predicted);
    t.diagnostic(`alpha ${alpha}: ${perplexity.toFixed(5)} in the search, ${expected.toFixed(5)} of the model`);
    assert.ok(Math.abs(perplexity / expected - 1) < 1e-3);
  }
  assert.ok(curve.alphas.every(({ perplexity }) => perplexity > curve.floatPerplexity));
});

test('less memory costs passes over the model, and not a bit of the curve', async (t) => {
  const work = await workspace(t);
  const configPath = join(work.root, 'auto.quant.json');
  await writeFile(configPath, JSON.stringify({ ...config, smoothquant: { alpha: 'auto', alphas: [0.3, 0.5, 0.7] } }));
  const job = await judgeJob(configPath, quill);
  const place = { modelDir: quill, configPath };
  const { curve: together } = await searchAlpha(job, place, { binding });
  const { curve: apart } = await searchAlpha(job, place, { binding }, holdOut, () => ({ together: 1, spill: true }));
  assert.deepEqual(apart, together);
  const tight = searchAlpha(job, place, { binding, memoryLimitBytes: process.memoryUsage.rss() + 2 ** 20 });
  await assert.rejects(tight, (error) => error instanceof EngineError && /to search alpha in model\.layers\.\d .*or a number as alpha/.test(error.message));
});

test('a smaller budget takes alphas apart, and then hidden states to a file', () => {
  const config = { shape: { vocabSize: 8192, hiddenSize: 384, intermediateSize: 1024 } } as ModelConfig;
  const job = { config, blocks: [], sequences: { seen: [new Int32Array(4096)], held: [new Int32Array(4096)] }, alphas: 9 };
  const bytesOf = (budget: number): number => phaseBytes(alphaDemand(job).memory(budget));
  const [all, least] = [bytesOf(Number.POSITIVE_INFINITY), bytesOf(0)];
  assert.deepEqual(alphaSettings(job, all), { together: 9, spill: false });
  assert.deepEqual(alphaSettings(job, all - 1), { together: 9, spill: true });
  assert.deepEqual(alphaSettings(job, 0), { together: 1, spill: true });
  fc.assert(fc.property(fc.integer({ min: least, max: 2 * all }), (budget) => assert.ok(bytesOf(budget) <= budget)));
});

test('the best alpha is written as an ordinary config, with the curve in a file, the result and on the command line', async (t) => {
  const work = await workspace(t);
  const parts: number[] = [];
  const onProgress = (event: { readonly phase: string; readonly partsDone?: number }): void =>
    void (event.phase === 'search' && parts.push(event.partsDone ?? 0));
  const { outDir, result } = await work.quantize(quill, { ...config, smoothquant: { alpha: 'auto', alphas: [0.4, 0.6, 0.9] } }, { onProgress });
  const curve = result.alphas ?? assert.fail('no curve');
  assert.deepEqual(
    curve.alphas.map(({ alpha }) => alpha),
    [0.4, 0.6, 0.9],
  );
  const least = Math.min(...curve.alphas.map(({ perplexity }) => perplexity));
  assert.equal(curve.alphas.find(({ perplexity }) => perplexity === least)?.alpha, curve.chosen);
  assert.deepEqual(JSON.parse(await readFile(join(outDir, 'smoothquant-alphas.json'), 'utf8')), curve);
  const lines = alphaLines(curve).join('\n');
  for (const { alpha, perplexity } of curve.alphas) assert.ok(lines.includes(`${alpha.toFixed(2)} ${perplexity.toFixed(4)}`));
  assert.deepEqual(
    parts,
    Array.from({ length: parts.length }, (_, index) => index + 1),
  );
  const found = join(outDir, 'recipe.quant.json');
  assert.deepEqual(JSON.parse(await readFile(found, 'utf8')).smoothquant, { alpha: curve.chosen });
  const again = join(work.root, 'again');
  await quantizeModel({ modelDir: quill, configPath: found, outDir: again }, { loadBinding: async () => binding });
  assert.ok((await readFile(join(again, 'model.safetensors'))).equals(await readFile(join(outDir, 'model.safetensors'))));
});
