// Jobs of static W8A8, from config to files: every observer and both layouts, results that run and agree with each other, and what cannot be is refused.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { workspace } from './testing/calibrated-jobs.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * 337 + 5) % 8192);
const common = { quant_method: 'w8a8_static', calibration: { dataset: 'text.txt', samples: 8, sequence_length: 24 } };

for (const observer of ['minmax', 'moving_average', 'percentile', 'kl']) {
  test(`${observer}: both layouts run, with the same scales`, async (t) => {
    const work = await workspace(t);
    const model = await work.model();
    const settings = { ...common, w8a8_static: { observer, bins: 1024 }, scale_type: 'float32' };
    const ours = await work.quantize(model, { ...settings, save_format: 'quantwright' });
    const theirs = await work.quantize(model, { ...settings, save_format: 'compressed-tensors' });
    const [a, b] = [mapCheckpoint(await openCheckpoint(ours.outDir), binding), mapCheckpoint(await openCheckpoint(theirs.outDir), binding)];
    const inputs = new Set<number>();
    for (const { module } of ours.result.modules) {
      const [scale, other] = [await a.floats(`${module}.input_scale`), await b.floats(`${module}.input_scale`)];
      assert.deepEqual(scale, other);
      const [zero = -1] = new Int32Array(a.read(`${module}.input_zero_point`).buffer);
      const [signed = -1] = new Int8Array(b.read(`${module}.input_zero_point`).buffer);
      assert.equal(zero - 128, signed, module);
      inputs.add(scale[0] ?? 0);
    }
    // Four inputs a block: q, k and v read one, gate and up another.
    assert.equal(inputs.size, 8);
    a.close();
    b.close();
    const before = await logitsOf(await loadModel(model, { binding }), ids);
    const [after, again] = [await logitsOf(await loadModel(ours.outDir, { binding }), ids), await logitsOf(await loadModel(theirs.outDir, { binding }), ids)];
    assert.deepEqual(after, again);
    const error = relativeError(after, before);
    t.diagnostic(`relative error of the logits ${error.toFixed(4)}`);
    assert.ok(error > 0 && error < 0.25, String(error));
  });
}

test('symmetric codes, fewer bits, the output matrix, and modules that stay in floating point', async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const settings = { ...common, lm_head: true, activations: { symmetric: true, bits: 7 }, overrides: { '.*down_proj': { activations: null } } };
  const { outDir, result } = await work.quantize(model, { ...settings, save_format: 'quantwright' });
  const mapped = mapCheckpoint(await openCheckpoint(outDir), binding);
  const zeros = result.modules.map(({ module }) =>
    mapped.checkpoint.has(`${module}.input_zero_point`) ? new Int32Array(mapped.read(`${module}.input_zero_point`).buffer)[0] : null,
  );
  assert.deepEqual(
    zeros,
    result.modules.map(({ module }) => (module.endsWith('down_proj') ? null : 64)),
  );
  mapped.close();
  const error = relativeError(await logitsOf(await loadModel(outDir, { binding }), ids), await logitsOf(await loadModel(model, { binding }), ids));
  assert.ok(error < 0.3, String(error));
});

test('layouts say which modules have activations in floating point', async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const settings = { ...common, scale_type: 'float32', overrides: { '.*down_proj': { activations: null } } };
  const ours = await work.quantize(model, { ...settings, save_format: 'quantwright' });
  const theirs = await work.quantize(model, { ...settings, save_format: 'compressed-tensors' });
  const said = JSON.parse(await readFile(join(theirs.outDir, 'config.json'), 'utf8')).quantization_config;
  const groups: readonly { readonly format: string; readonly targets: readonly string[]; readonly input_activations: unknown }[] = Object.values(
    said.config_groups,
  );
  assert.equal(said.format, 'mixed-precision');
  assert.deepEqual(
    groups.map(({ format, targets, input_activations }) => [format, targets.length, input_activations !== null]),
    [
      ['int-quantized', 12, true],
      ['pack-quantized', 2, false],
    ],
  );
  const [a, b] = [await logitsOf(await loadModel(ours.outDir, { binding }), ids), await logitsOf(await loadModel(theirs.outDir, { binding }), ids)];
  assert.ok(relativeError(a, b) < 1e-5);
});

test('SmoothQuant before it: ranges are those of the smoothed inputs', async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const { outDir, result } = await work.quantize(model, { ...common, quant_method: ['smoothquant', 'w8a8_static'], save_format: 'quantwright' });
  assert.equal(result.method, 'smoothquant+w8a8_static');
  const error = relativeError(await logitsOf(await loadModel(outDir, { binding }), ids), await logitsOf(await loadModel(model, { binding }), ids));
  assert.ok(error > 0 && error < 0.25, String(error));
});

function relativeError(actual: Float32Array, expected: Float32Array): number {
  const square = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(square(actual.map((value, at) => value - (expected[at] ?? 0))) / square(expected));
}
