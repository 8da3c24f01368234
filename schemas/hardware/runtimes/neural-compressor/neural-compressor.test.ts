// Neural Compressor: its methods, FP8 on Gaudi, what CPU kernels are documented for, and the table of layer-wise quantization.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../../../recipe/base-recipe.ts';
import type { QuantMethod, Recipe, WeightRecipe } from '../../../recipe/recipe.ts';
import { judge, short } from '../../../testing/judging.ts';
import { layerWise } from './layer-wise.ts';

const of = (method: QuantMethod, weights: Partial<WeightRecipe> = {}): Recipe =>
  baseRecipe('neural-compressor', 'neural-compressor', [method], { bits: 4, ...weights });
const at = (recipe: Recipe, device?: string): string => short(judge(recipe, { runtime: 'neural-compressor', ...(device === undefined ? {} : { device }) }));

test('its own methods are supported, other files are not judged', () => {
  for (const method of ['rtn', 'gptq', 'awq', 'teq'] as const) assert.equal(at(of(method), 'x86-avx2'), `supported ${method}`);
  assert.equal(at(of('nvfp4')), 'unknown NC-READS');
  assert.equal(at(baseRecipe('hf-gptq', 'gptq', ['gptq'], {})), 'unknown NC-READS');
});

test('what CPU kernels are documented for is told, not refused', () => {
  assert.equal(at(of('rtn', { bits: 8 }), 'x86-avx2'), 'unknown NC-VNNI');
  assert.equal(at(of('rtn', { bits: 8 }), 'x86-avx512vnni'), 'supported rtn');
  assert.equal(at({ ...of('rtn', { bits: 8 }), computeMethod: 'activate_quant' }, 'x86-avx2'), 'supported rtn');
  assert.equal(at({ ...of('rtn'), computeDtype: 'bf16' }, 'x86-avx512vnni'), 'unknown NC-BF16');
  assert.equal(at({ ...of('rtn'), computeDtype: 'bf16' }, 'x86-amx'), 'supported rtn');
  assert.equal(at({ ...of('rtn'), computeDtype: 'fp32' }, 'x86-avx2'), 'supported rtn');
});

test('FP8 configs are for Gaudi', () => {
  const fp8 = baseRecipe('inc-fp8', 'inc-fp8', ['fp8'], { dtype: 'fp8_e4m3' });
  assert.equal(at(fp8), 'supported FP8 on Gaudi');
  assert.equal(at(fp8, 'intel-gaudi3'), 'supported FP8 on Gaudi');
  assert.equal(at(fp8, 'x86-amx'), 'unknown NC-FP8-CPU');
  assert.equal(at(fp8, 'nvidia-h100'), 'unknown NO-ROW');
});

test('layer-wise quantization has no AWQ and no TEQ, and no rounding in ONNX Runtime', () => {
  const answers = ['W8A8', 'rtn', 'GPTQ', 'awq', 'TEQ', 'HQQ'].map((algorithm) => layerWise('pytorch', algorithm));
  assert.deepEqual(answers, ['yes', 'yes', 'yes', 'no', 'no', 'unknown']);
  assert.deepEqual([layerWise('onnxruntime', 'W8A8'), layerWise('onnxruntime', 'RTN'), layerWise('onnxruntime', 'GPTQ')], ['yes', 'no', 'unknown']);
});
