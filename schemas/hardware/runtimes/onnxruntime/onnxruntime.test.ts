// ONNX Runtime: block sizes of MatMulNBits, 4-bit floats on CPUs, and silence about what has no row.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../../../recipe/base-recipe.ts';
import type { Recipe, WeightRecipe } from '../../../recipe/recipe.ts';
import { judge, short } from '../../../testing/judging.ts';

const of = (scheme: string, weights: Partial<WeightRecipe> = {}): Recipe => baseRecipe(scheme, scheme, ['rtn'], { bits: 4, groupSize: 32, ...weights });
const at = (recipe: Recipe, device?: string): string =>
  short(judge(recipe, { runtime: 'onnxruntime', intent: 'run', ...(device === undefined ? {} : { device }) }));

test('blocks are powers of two from 16 on', () => {
  for (const groupSize of [16, 32, 128, 256]) assert.equal(at(of('olive', { groupSize }), 'x86-avx2'), 'supported MatMulNBits (AVX2)', String(groupSize));
  for (const groupSize of [8, 24, 48, 96]) assert.equal(at(of('olive', { groupSize })), 'refused OR-BLOCK', String(groupSize));
  assert.equal(at(of('gptq', { groupSize: 128 }), 'x86-amx'), 'supported MatMulNBits (AVX-512)');
  assert.equal(at(of('gptq', { groupSize: 128 })), 'supported MatMulNBits');
});

test('what has no row is unknown: other widths, channels, other devices, other schemes', () => {
  assert.equal(at(of('olive', { bits: 3 })), 'unknown NO-ROW');
  assert.equal(at(of('olive', { groupSize: -1 })), 'unknown NO-ROW');
  assert.equal(at(of('awq', { groupSize: 128 }), 'nvidia-h100'), 'unknown NO-ROW');
  assert.equal(at(of('bitsandbytes')), 'unknown OR-READS');
  assert.equal(at({ ...of('olive'), activations: { bits: 8, symmetric: true, granularity: 'per_tensor', dynamic: false } }), 'unknown NO-ROW');
});

test('4-bit floats run on CPUs only', () => {
  assert.equal(at(of('olive', { dtype: 'nf4' }), 'nvidia-a100'), 'refused OR-BNB4');
  assert.equal(at(of('olive', { dtype: 'fp4' }), 'x86-avx2'), 'supported MatMulBnb4');
});
