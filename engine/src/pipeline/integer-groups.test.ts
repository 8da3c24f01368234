// Jobs whose products are of integers by group, from config to a model that runs: W4A8 and A8W8 by sub-channel, with an order of columns and without.
// What activations of 8 bits change is small beside what the weights' rounding does, and that of the same weights with float activations is near.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { workspace } from './testing/calibrated-jobs.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * 337 + 5) % 8192);
const calibration = { dataset: 'text.txt', samples: 8, sequence_length: 24 };
// Beside integer activations the scale of a row is stored as f32: with another GPTQ would choose other codes.
const ours = { save_format: 'quantwright', scale_type: 'float32' };

/** [config, largest distance to the same weights with float activations]. Rows have 64 and 96 columns, which 20 does not divide. */
const jobs: readonly (readonly [object, number])[] = [
  [{ quant_method: 'instant_quant', weight_format: 'int8', group_size: 32, ...ours }, 0.04],
  [{ quant_method: 'rtn', weight_format: 'int4', group_size: 20, dialect: 'ist', ...ours }, 0.04],
  [{ quant_method: 'rtn', weight_format: 'uint4', dialect: 'ist', ...ours }, 0.04],
  [{ quant_method: 'gptq', weight_format: 'uint4', group_size: 32, desc_act: true, calibration, ...ours }, 0.04],
  [{ quant_method: 'gptq', weight_format: 'int8', group_size: 16, desc_act: true, calibration, ...ours }, 0.04],
  [{ quant_method: 'gptq', weight_format: 'int3', group_size: 32, calibration, ...ours }, 0.04],
];

for (const [config, most] of jobs) {
  test(`${JSON.stringify(config)}: integer activations cost little`, async (t) => {
    const work = await workspace(t);
    const model = await work.model();
    const floats = await work.quantize(model, config);
    const integers = await work.quantize(model, { ...config, compute_method: 'activate_quant' });
    const said = JSON.parse(await readFile(join(integers.outDir, 'config.json'), 'utf8')).quantization_config;
    assert.equal(said.compute_method, 'activate_quant');
    const wanted = await logitsOf(await loadModel(floats.outDir, { binding }), ids);
    const got = await logitsOf(await loadModel(integers.outDir, { binding }), ids);
    const distance = Math.sqrt(
      got.reduce((sum, value, at) => sum + (value - (wanted[at] ?? 0)) ** 2, 0) / wanted.reduce((sum, value) => sum + value * value, 0),
    );
    t.diagnostic(`relative distance of the logits ${distance.toFixed(4)}`);
    assert.ok(distance > 0 && distance < most, String(distance));
  });
}
