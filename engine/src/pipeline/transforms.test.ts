// Jobs whose methods rescale channels first: what is written runs and is close to the model, norms are written with their block, a killed job goes on to the same
// bytes, and every architecture goes through the searches of AWQ.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { EngineError } from '../errors.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { quantizeModel } from './quantize.ts';
import { workspace } from './testing/calibrated-jobs.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * 337 + 5) % 8192);
const small = { calibration: { dataset: 'text.txt', samples: 6, sequence_length: 24 } };

const jobs = [
  { quant_method: ['smoothquant', 'gptq'], weight_format: 'uint4', group_size: 32, smoothquant: { alpha: 0.6 } },
  { quant_method: ['smoothquant', 'rtn'], weight_format: 'int8' },
  { quant_method: 'smoothquant' },
  { quant_method: 'awq', weight_format: 'uint4', group_size: 32, n_grid: 4 },
  {
    quant_method: 'awq',
    weight_format: 'uint3',
    group_size: 16,
    zero_point: false,
    duo_scaling: false,
    apply_clip: false,
    n_grid: 4,
    save_format: 'quantwright',
  },
  { quant_method: ['awq', 'gptq'], weight_format: 'int8', group_size: 32, n_grid: 4, save_format: 'compressed-tensors', lm_head: true },
  { quant_method: ['smoothquant', 'awq'], weight_format: 'uint4', group_size: 32, dialect: 'inc', n_grid: 4 },
];

for (const job of jobs) {
  test(`${JSON.stringify(job)}: the result runs, and a killed job goes on to it`, async (t) => {
    const work = await workspace(t);
    const model = await work.model(3);
    const killed: string[] = [];
    let events = 0;
    const { outDir, result } = await work.quantize(
      model,
      { ...small, ...job },
      {
        onProgress: (event: QuantizeProgress) => {
          if (event.phase !== 'module' || events++ % 9 !== 8) return;
          killed.push(join(work.root, `killed${events}`));
          cpSync(join(work.root, 'out1.partial'), `${killed.at(-1)}.partial`, { recursive: true });
        },
      },
    );
    const before = await logitsOf(await loadModel(model, { binding }), ids);
    const after = await logitsOf(await loadModel(outDir, { binding }), ids);
    const error = Math.sqrt(sum(after.map((value, index) => (value - (before[index] ?? 0)) ** 2)) / sum(before.map((value) => value ** 2)));
    t.diagnostic(`relative error of the logits ${error.toFixed(4)}`);
    const bits = Number(('weight_format' in job ? job.weight_format : 'int8').slice(-1));
    assert.ok(error > 0 && error < 8 * 2 ** -bits, String(error));
    assert.ok((await movedNorms(model, outDir)) > 0, 'no norm was rewritten');
    assert.ok(killed.length > 0);
    for (const resumed of killed) {
      const again = await quantizeModel(
        { modelDir: model, configPath: join(work.root, 'a.quant.json'), outDir: resumed, resume: true },
        { loadBinding: async () => binding },
      );
      for (const name of ['model.safetensors', 'config.json']) {
        assert.ok((await readFile(join(resumed, name))).equals(await readFile(join(outDir, name))), `${resumed} ${name}`);
      }
      assert.deepEqual(again.modules, result.modules);
    }
  });
}

test('a norm whose readers are not all quantized stays as it is, which is told', async (t) => {
  const work = await workspace(t);
  const model = await work.model(1);
  const { outDir, result } = await work.quantize(model, { ...small, quant_method: ['smoothquant', 'rtn'], weight_format: 'int8', ignore: ['.*k_proj'] });
  assert.match(
    result.warnings.join('\n'),
    /model\.layers\.0\.input_layernorm is not rescaled, because model\.layers\.0\.self_attn\.k_proj stays in floating point/,
  );
  assert.equal(await movedNorms(model, outDir), 1);
});

test('a text that is not there is refused, and so is a transform behind a rounding', async (t) => {
  const work = await workspace(t);
  const model = await work.model(1);
  const refused = (config: object, words: RegExp): Promise<void> =>
    assert.rejects(work.quantize(model, config, { loadBinding: () => assert.fail('the addon was asked for') }), (error) => {
      assert.ok(error instanceof EngineError);
      assert.match(error.message, words);
      return true;
    });
  await refused({ quant_method: 'awq', weight_format: 'uint4', calibration: { dataset: 'none.txt' } }, /none\.txt: no such file/);
  await refused({ quant_method: ['gptq', 'awq'], weight_format: 'uint4', ...small }, /QC017: .*the pipeline gptq \+ awq/);
});

/** Norms of blocks whose values differ. */
async function movedNorms(model: string, outDir: string): Promise<number> {
  const [before, after] = await Promise.all([model, outDir].map(async (directory) => mapCheckpoint(await openCheckpoint(directory), binding)));
  const names = before?.checkpoint.names.filter((name) => /layers\..*norm\.weight$/.test(name)) ?? [];
  const moved = names.filter((name) => !Buffer.from(before?.read(name) ?? []).equals(Buffer.from(after?.read(name) ?? [])));
  before?.close();
  after?.close();
  return moved.length;
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
