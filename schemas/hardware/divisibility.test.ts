// Groups along a row, and those that run through the whole matrix.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../recipe/base-recipe.ts';
import { llama } from '../testing/judging.ts';
import { dividesAll, largestGroup, linearName, piecesOf, undivided } from './divisibility.ts';

const model = llama({ hidden: 1024, intermediate: 1030 });

test('a group must divide each row of packed weights, and need not where blocks run through the matrix', () => {
  const kinds = (scheme: string): readonly string[] =>
    undivided(piecesOf(baseRecipe('hf-gptq', scheme, ['rtn'], { bits: 4, groupSize: 64 }), model, 1)).map(({ linear }) => linear.kind);
  assert.deepEqual(kinds('gptq'), ['down_proj']);
  assert.deepEqual(kinds('awq'), ['down_proj']);
  assert.deepEqual(kinds('bitsandbytes'), []);
  assert.deepEqual(kinds('hqq'), []);
});

test('a split that does not divide a row is a fault of all', () => {
  const pieces = piecesOf(baseRecipe('hf-gptq', 'bitsandbytes', ['bitsandbytes'], { bits: 4, groupSize: 64 }), model, 4);
  assert.deepEqual(
    undivided(pieces).map(({ linear, k }) => `${linearName(linear)} ${k}`),
    ['down_proj 257.5'],
  );
  assert.equal(dividesAll(pieces, 64), false);
  assert.equal(largestGroup(pieces, [-1, 64]), null);
});
