// How activations are quantized, as configs of QRazor say it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recipeOf } from '../../testing/judging.ts';

test('razored activations have the groups of the weights and a base of 16 bits, unless another is asked for', () => {
  const activated = { quant_method: 'qrazor', group_size: 64, compute_method: 'activate_quant' };
  const razored = { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true, rule: 'qrazor', baseBits: 16, groupSize: 64 };
  assert.deepEqual(recipeOf('quantwright', activated).activations, razored);
  const narrow = { ...activated, activations: { bits: 4, base_bits: 8 } };
  assert.deepEqual(recipeOf('quantwright', narrow).activations, { ...razored, bits: 4, baseBits: 8 });
});
