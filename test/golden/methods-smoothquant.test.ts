// SmoothQuant's scales, and what they make of norms and weights, against the reference; on one layer and on a whole model with the project's own calibration.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCalibrationBlocks } from '@quantwright/engine/calibration/blocks';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { readJsonObject } from '@quantwright/engine/checkpoint/json-file';
import { mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import { smoothScales } from '@quantwright/engine/methods/smoothquant/transform';
import { parseModelConfig } from '@quantwright/engine/model/config';
import { scalingPairs } from '@quantwright/engine/model/scaling-pairs';
import { checkpointWeights } from '@quantwright/engine/model/weights';
import type { DenseSource } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { type GoldenTensor, goldenCases, goldenTensor, goldenTensors } from './cases.ts';
import { runGoldenCases } from './outcome.ts';
import { compareWith } from './tolerance.ts';

const binding = await goldenBinding();

runGoldenCases('smoothquant', async ({ golden, tensors, same }) => {
  const inputs = await binding.columnMagnitudes(dense(goldenTensor(tensors, 'in.x')), 'max');
  const consumers = Array.from({ length: Number(golden.params['nfc']) }, (_, index) => dense(goldenTensor(tensors, `in.w${index}`)));
  const weights = new Float32Array(inputs.length);
  for (const consumer of consumers) for (const [j, w] of (await binding.columnMagnitudes(consumer, 'max')).entries()) weights[j] = Math.max(weights[j] ?? 0, w);
  // The reference's scale of a channel without input, 1e-5, is 1 here; no case has one.
  const scales = smoothScales(inputs, weights, Number(golden.params['alpha']));
  same('scales', scales);
  const norm = goldenTensor(tensors, 'in.ln_weight').data;
  same(
    'ln_weight',
    Float32Array.from(norm, (value, channel) => value / (scales[channel] ?? 0)),
  );
  for (const [index, consumer] of consumers.entries()) {
    const smoothed = await binding.editMatrix(consumer, { columns: scales });
    const rule = golden.tolerance['w_smoothed'] ?? assert.fail();
    const result = compareWith(rule, smoothed, goldenTensor(tensors, `out.w${index}_smoothed`).data);
    assert.ok(result.ok, `${golden.case} w${index}: ${result.detail}`);
  }
});

const models = goldenCases('e2e').cases.filter(({ case: name }) => name.startsWith('e2e_smoothquant_'));
for (const golden of models) {
  const modelDir = join(golden.root, String(golden.params['model_dir']));
  test(`smoothquant scales of a whole model: ${golden.case}`, { skip: existsSync(modelDir) ? false : `${modelDir} is not there` }, async () => {
    const tensors = goldenTensors(golden);
    const config = parseModelConfig(await readJsonObject(`${modelDir}/config.json`, 1e6), 'config.json');
    const mapped = mapCheckpoint(await openCheckpoint(modelDir), binding);
    const blocks = await createCalibrationBlocks({
      binding,
      mapped,
      written: checkpointWeights(mapped, null, binding),
      config,
      sequences: sequences(goldenTensor(tensors, 'in.calib_ids')),
    });
    for (let layer = 0; layer < config.shape.layers; layer++) {
      const pairs = scalingPairs(config, layer).filter(({ producer }) => producer.kind === 'norm');
      const magnitudeOf = await blocks.magnitudes(
        layer,
        pairs.map(({ input }) => input),
        new Map(),
      );
      for (const pair of pairs) {
        const weights = new Float32Array(pair.width);
        for (const consumer of pair.consumers)
          for (const [j, w] of (await binding.columnMagnitudes(mapped.dense(`${consumer}.weight`), 'max')).entries()) weights[j] = Math.max(weights[j] ?? 0, w);
        const first = pair.consumers[0]?.replace('model.layers.', '') ?? '';
        const seen = compareWith(
          { rule: 'allclose', rtol: 1e-4, atol: 1e-6 },
          magnitudeOf(pair.input),
          goldenTensor(tensors, `out.act_scales.model.layers.${first}`).data,
        );
        assert.ok(seen.ok, `${first} reads: ${seen.detail}`);
        const scales = smoothScales(magnitudeOf(pair.input), weights, Number(golden.params['alpha']));
        const result = compareWith({ rule: 'allclose', rtol: 1e-4, atol: 1e-6 }, scales, goldenTensor(tensors, `out.scales.${first}`).data);
        assert.ok(result.ok, `${first}: ${result.detail}`);
      }
      await blocks.advance(layer, 'original');
    }
    mapped.close();
  });
}

function dense({ shape, data }: GoldenTensor): DenseSource {
  const [rows = 0, cols = 0] = shape;
  return { type: 'f32', rows, cols, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

function sequences({ shape, data }: GoldenTensor): Int32Array[] {
  const [count = 0, length = 0] = shape;
  return Array.from({ length: count }, (_, index) => Int32Array.from(data.subarray(index * length, (index + 1) * length)));
}
