// Transforms of one matrix: what it gives stays the same, and once rounded it is nearer to it where some channels are large.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import type { ModuleScheme } from '../methods/method.ts';
import { pipelineOf } from '../methods/registry.ts';
import { roundMatrix } from '../methods/rounding.ts';
import { ownTarget } from '../pipeline/judge.ts';
import { dequantize } from './tensor.ts';
import { transformMatrix } from './transformed-tensor.ts';

const binding = await loadBinding();
const [rows, cols, tokens] = [24, 64, 80];

function recipeOf(config: object) {
  const { recipe } = checkConfig({ fileName: 'a.quant.json', text: JSON.stringify(config), modelConfigText: null, targets: [ownTarget] });
  assert.ok(recipe !== null);
  const scheme: ModuleScheme = { recipe, weights: recipe.weights, dialect: recipe.dialect ?? 'ist', mseSearch: false, fullRange: false, scaleType: 'f32' };
  return { recipe, scheme, transforms: pipelineOf(recipe).transforms };
}

function lab() {
  const noise = (length: number, seed: number) =>
    Float32Array.from({ length }, (_, index) => Math.sin(index * 12.9898 + seed) * 0.9 + Math.sin(index * 78.233) * 0.4);
  const weight = noise(rows * cols, 1);
  // Every eighth channel is twenty times as large as the others.
  const inputs = noise(tokens * cols, 2).map((value, index) => (index % 8 === 3 ? 20 * value : value));
  return { source: { type: 'f32', rows, cols, data: new Uint8Array(weight.buffer) } as const, inputs };
}

for (const config of [
  { quant_method: 'awq', weight_format: 'uint4', group_size: 32, apply_clip: false },
  { quant_method: 'awq', weight_format: 'uint4', group_size: 32 },
  { quant_method: ['smoothquant', 'awq'], weight_format: 'uint4', group_size: 32, smoothquant: { alpha: 0.2 }, apply_clip: false },
]) {
  test(`${JSON.stringify(config)} on one matrix`, async () => {
    const { recipe, scheme, transforms } = recipeOf(config);
    const before = lab();
    const after = await transformMatrix(binding, recipe, transforms, scheme, before);
    const output = async (source: typeof before.source | typeof after.source, inputs: Float32Array) =>
      (await binding.createWeight({ codec: 'dense', ...source })).matmul(inputs, tokens);
    const wanted = await output(before.source, before.inputs);
    const power = await binding.meanSquaredError(wanted, new Float32Array(wanted.length));
    if (config.apply_clip === false) {
      const kept = await binding.meanSquaredError(await output(after.source, after.inputs), wanted);
      assert.ok(kept < 1e-10 * power, `changed by ${kept} of ${power}`);
    }
    assert.ok(Math.max(...after.channelScale) / Math.min(...after.channelScale) > 1.2);
    const rounded = async (source: typeof before.source | typeof after.source) => {
      const values = dequantize(await roundMatrix(binding, source, scheme));
      return { type: 'f32', rows, cols, data: new Uint8Array(values.buffer) } as const;
    };
    const plain = await binding.meanSquaredError(await output(await rounded(before.source), before.inputs), wanted);
    const scaled = await binding.meanSquaredError(await output(await rounded(after.source), after.inputs), wanted);
    assert.ok(scaled < 0.8 * plain, `${scaled} against ${plain}`);
  });
}

test('a transform that learns from the model says so', async () => {
  const { recipe, scheme, transforms } = recipeOf({ quant_method: 'teq', weight_format: 'uint4', group_size: 32 });
  await assert.rejects(transformMatrix(binding, recipe, transforms, scheme, lab()), (error) => {
    assert.ok(error instanceof EngineError && error.kind === 'input');
    assert.match(error.message, /teq learns from a whole model/);
    return true;
  });
});
