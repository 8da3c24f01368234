// SmoothQuant's scales, and what they make of norms and weights, against the reference; on one layer and on a whole model with the project's own calibration.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCalibrationBlocks } from '@quantwright/engine/calibration/blocks';
import { type TransformedLinear, transformBlock } from '@quantwright/engine/calibration/transform-block';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { readJsonObject } from '@quantwright/engine/checkpoint/json-file';
import { mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import type { ModuleScheme } from '@quantwright/engine/methods/method';
import { smoothquant, smoothScales } from '@quantwright/engine/methods/smoothquant/transform';
import { type ModelConfig, parseModelConfig } from '@quantwright/engine/model/config';
import { buildModel } from '@quantwright/engine/model/decoder';
import { inputOf } from '@quantwright/engine/model/observations';
import { scalingPairs } from '@quantwright/engine/model/scaling-pairs';
import { checkpointWeights } from '@quantwright/engine/model/weights';
import type { DenseSource, Weight } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { goldenBinding } from './binding.ts';
import { type GoldenTensor, goldenCases, goldenTensor, goldenTensors } from './cases.ts';
import { runGoldenCases } from './outcome.ts';
import { compareWith } from './tolerance.ts';

const binding = await goldenBinding();

runGoldenCases('smoothquant', async ({ golden, tensors, same, near }) => {
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
  const bias = tensors.get('in.ln_bias')?.data;
  if (bias !== undefined)
    near(
      'ln_bias',
      'ln_weight',
      Float32Array.from(bias, (value, channel) => value / (scales[channel] ?? 0)),
    );
  const bits = Number(golden.params['bits']) === 6 ? 6 : 8;
  for (const [index, consumer] of consumers.entries()) {
    const smoothed = await binding.editMatrix(consumer, { columns: scales });
    near(`w${index}_smoothed`, 'w_smoothed', smoothed);
    // As a job rounds it (schemas/configs/quantwright/lower.ts: dialect qllm, per channel).
    const rounding = { dialect: 'qllm', bits, symmetric: true, groupSize: -1, scaleType: 'f32' } as const;
    const { codes, scale } = await binding.quantizeRtn(
      { ...consumer, data: new Uint8Array(smoothed.buffer, smoothed.byteOffset, smoothed.byteLength) },
      rounding,
    );
    near(
      `w${index}_dequant`,
      'w_dequant',
      Float32Array.from(codes, (code, at) => code * (scale[Math.floor(at / consumer.cols)] ?? 0)),
    );
  }
});

const models = goldenCases('e2e').cases.filter(({ case: name }) => name.startsWith('e2e_smoothquant_'));
for (const golden of models) {
  const modelDir = join(golden.root, String(golden.params['model_dir']));
  test(`smoothquant scales of a whole model, and what it computes with them: ${golden.case}`, {
    skip: existsSync(modelDir) ? false : `${modelDir} is not there`,
  }, async () => {
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
    const [packed, vectors] = [new Map<string, Weight>(), new Map<string, Float32Array>()];
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
      const recipe = { smoothquant: { alpha: Number(golden.params['alpha']) } } as Recipe;
      const edited = await transformBlock(layer, linearsOf(config, layer), pairs, { binding, mapped, blocks, config, recipe, transforms: [smoothquant] });
      for (const [module, source] of edited.matrices) packed.set(module, await binding.createWeight({ codec: 'dense', ...source }));
      for (const [name, values] of edited.tensors) vectors.set(name, values);
      await blocks.advance(layer, 'original');
    }
    assert.equal(vectors.size, 2 * config.shape.layers);
    const program = binding.createProgram(await buildModel(config, checkpointWeights(mapped, null, binding, { packed, vectors })));
    const logits: number[] = [];
    for (const ids of sequences(goldenTensor(tensors, 'in.input_ids')))
      logits.push(...(await program.run(program.createSession(ids.length, 'f32'), ids, 'all')));
    const smoothed = compareWith(golden.tolerance['logits_smoothed_fp'] ?? assert.fail(), logits, goldenTensor(tensors, 'out.logits_smoothed_fp').data);
    assert.ok(smoothed.ok, `logits: ${smoothed.detail}`);
    mapped.close();
  });
}

/** Those that read what a norm makes. */
function linearsOf({ shape }: ModelConfig, layer: number): TransformedLinear[] {
  return shape.linears.flatMap(({ kind, module: pattern, in: cols, out: rows }) => {
    const input = kind === 'lm_head' ? null : inputOf(kind);
    const module = pattern.replace('{i}', String(layer));
    return input === 'attention' || input === 'mlp'
      ? [{ module, rows, cols, input, scheme: {} as ModuleScheme, activations: null, tensor: `${module}.weight`, transposed: false }]
      : [];
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
