// Jobs whose weights are no affine codes, from config to a model that runs: QRazor alone, inside GPTQ and behind a transform; SpQR; NF4 and FP4, also for some modules only.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { workspace } from './testing/calibrated-jobs.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * 337 + 5) % 8192);
const calibration = { dataset: 'text.txt', samples: 8, sequence_length: 24 };

const spqr = ['outlier_columns', 'outlier_counts', 'outlier_values', 'stat_levels', 'stat_scales', 'weight_packed'];

/** [config, tensors of q_proj, largest error of the logits]. Rows have 64 and 96 columns. */
const jobs: readonly (readonly [object, readonly string[], number])[] = [
  [{ quant_method: 'qrazor', group_size: 8 }, ['codes', 'scale', 'shifts'], 0.5],
  [{ quant_method: 'qrazor', weight_format: 'int8', qrazor: { base_bits: 16, rule: 'original' } }, ['codes', 'scale', 'shifts'], 0.05],
  [{ quant_method: 'qrazor', weight_format: 'int3', group_size: 16, qrazor: { comp_aware: true } }, ['codes', 'scale', 'shifts'], 1],
  [{ quant_method: ['gptq', 'qrazor'], group_size: 128, desc_act: true, calibration }, ['codes', 'scale', 'shifts'], 0.6],
  [{ quant_method: ['gptq', 'qrazor'], group_size: 32, qrazor: { group_axis: 'inputs' }, calibration }, ['codes', 'scale', 'shifts'], 0.5],
  [{ quant_method: ['smoothquant', 'gptq', 'qrazor'], group_size: 16, calibration }, ['codes', 'scale', 'shifts'], 0.5],
  [{ quant_method: 'qrazor', group_size: 16, compute_method: 'activate_quant' }, ['codes', 'scale', 'shifts'], 0.5],
  [{ quant_method: 'qrazor', group_size: 8, compute_method: 'activate_quant', activations: { bits: 4, base_bits: 8 } }, ['codes', 'scale', 'shifts'], 0.7],
  [{ quant_method: ['gptq', 'qrazor'], group_size: 32, compute_method: 'activate_quant', calibration }, ['codes', 'scale', 'shifts'], 0.6],
  [{ quant_method: ['smoothquant', 'qrazor'], group_size: 32, compute_method: 'activate_quant', calibration }, ['codes', 'scale', 'shifts'], 0.6],
  [{ quant_method: 'spqr', target_bits: 4.2, calibration }, ['g_idx', ...spqr], 0.8],
  [{ quant_method: ['smoothquant', 'spqr'], weight_format: 'uint4', desc_act: false, group_size: 32, calibration }, spqr, 0.4],
  [{ quant_method: 'rtn', weight_format: 'nf4', mse_search: true }, ['codes', 'scale'], 0.5],
  [{ quant_method: 'rtn', weight_format: 'fp4', group_size: 64, dialect: 'bitsandbytes', scale_type: 'float32' }, ['codes', 'scale'], 0.6],
  [
    { quant_method: 'rtn', weight_format: 'int8', save_format: 'quantwright', overrides: { '.*(q|down)_proj': { weight_format: 'nf4', group_size: 32 } } },
    ['codes', 'scale'],
    0.4,
  ],
];

for (const [config, tensors, most] of jobs) {
  test(`${JSON.stringify(config)}: the result runs on its packed weights`, async (t) => {
    const work = await workspace(t);
    const model = await work.model();
    const { outDir, result } = await work.quantize(model, config);
    assert.equal(result.saveFormat, 'quantwright');
    const { names } = await openCheckpoint(outDir);
    const prefix = 'model.layers.0.self_attn.q_proj.';
    assert.deepEqual(names.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : [])).sort(), tensors);
    const before = await logitsOf(await loadModel(model, { binding }), ids);
    const after = await logitsOf(await loadModel(outDir, { binding }), ids);
    const error = Math.sqrt(
      after.reduce((sum, value, at) => sum + (value - (before[at] ?? 0)) ** 2, 0) / before.reduce((sum, value) => sum + value * value, 0),
    );
    t.diagnostic(`relative error of the logits ${error.toFixed(4)}`);
    assert.ok(error > 0 && error < most, String(error));
  });
}

test('config.json says what the files need: kind, widths, and the values of a table', async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const said = async (config: object): Promise<Record<string, unknown>> => {
    const { outDir } = await work.quantize(model, config);
    return JSON.parse(await readFile(join(outDir, 'config.json'), 'utf8')).quantization_config;
  };
  const razored = await said({ quant_method: 'qrazor', group_size: 8, qrazor: { base_bits: 16 } });
  assert.deepEqual([razored['kind'], razored['bits'], razored['group_size'], razored['base_bits'], razored['group_axis']], ['qrazor', 4, 8, 16, 'inputs']);
  assert.equal(razored['compute_method'], undefined);
  const integers = await said({ quant_method: 'qrazor', group_size: 16, compute_method: 'activate_quant', activations: { bits: 4 } });
  const activations = { bits: 4, symmetric: true, granularity: 'per_token', dynamic: true, rule: 'qrazor', base_bits: 16, group_size: 16 };
  assert.deepEqual([integers['compute_method'], integers['activations']], ['activate_quant', activations]);
  const table = await said({ quant_method: 'rtn', weight_format: 'fp4', group_size: 64 });
  assert.deepEqual([table['kind'], table['type'], table['group_size']], ['table4', 'fp4', 64]);
  assert.deepEqual((table['values'] as number[]).slice(0, 8), [-12, -8, -6, -4, -3, -2, -0.0625, 0]);
});

test('groups that do not divide the rows are refused before anything is written', async (t) => {
  const work = await workspace(t);
  await assert.rejects(work.quantize(await work.model(), { quant_method: 'qrazor', group_size: 64 }), /does not divide .*down_proj K = 96/);
});
