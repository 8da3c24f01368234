import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '@quantwright/schemas/recipe/base-recipe';
import type { WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import { bitsPerWeight } from './bitsPerWeight.ts';

const of = (weights: Partial<WeightRecipe>, rowLength: number | null = null, scheme = 'gptq') =>
  bitsPerWeight(baseRecipe('x', scheme, ['gptq'], weights), rowLength);

test('scales and zeros count', () => {
  assert.deepEqual(of({ bits: 4, groupSize: 128, zeroPoint: 'integer' }), { bits: 4.15625, sum: '4 + 20 / 128' });
  assert.equal(of({ bits: 4, groupSize: 128 }, null, 'awq')?.bits, 4.15625);
  assert.equal(of({ bits: 8, groupSize: -1 }, 4096, 'compressed-tensors')?.bits, 8 + 16 / 4096);
  assert.equal(of({ dtype: 'nvfp4', bits: 4, groupSize: 16 })?.bits, 4.5);
  assert.equal(of({ dtype: 'mxfp4', bits: 4, groupSize: 32 })?.bits, 4.25);
  assert.equal(of({ dtype: 'fp8_e4m3', bits: 8, block: [128, 128] })?.bits, 8 + 32 / 16384);
});

test('bitsandbytes: 32-bit scales, or quantized ones', () => {
  const nf4 = { dtype: 'nf4', bits: 4, groupSize: 64 } as const;
  assert.deepEqual(of(nf4, null, 'bitsandbytes'), { bits: 4.5, sum: '4 + 32 / 64' });
  assert.equal(of({ ...nf4, doubleQuant: true }, null, 'bitsandbytes')?.sum, '4 + 8.125 / 64');
});

test('razored codes: a shift for a group and a scale for a row; our own tables: scales of their type', () => {
  const recipe = baseRecipe('quantwright', 'qrazor', ['qrazor'], { bits: 4, groupSize: 32 });
  assert.deepEqual(bitsPerWeight(recipe, 1024), { bits: 4 + 3 / 32 + 32 / 1024, sum: '4 + 3 / 32 + 32 / 1024' });
  assert.equal(bitsPerWeight(recipe, null), null);
  const table = { ...baseRecipe('quantwright', 'rtn', ['rtn'], { dtype: 'nf4', bits: 4, groupSize: 64 }), tableDialect: 'inc' } as const;
  assert.equal(bitsPerWeight(table, null)?.bits, 4.25);
});

test('nothing is guessed: no row length, codebooks, 4-bit floats of other tools', () => {
  assert.equal(of({ bits: 8, groupSize: -1 }), null);
  assert.equal(of({ dtype: 'codebook', bits: 2 }, 4096), null);
  assert.equal(of({ dtype: 'nf4', bits: 4, groupSize: 64 }, 4096, 'olive'), null);
});
