// What lies on one device: shards of one matrix together, the split of each side, keys and values repeated.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../recipe/base-recipe.ts';
import { llama } from '../testing/judging.ts';
import { outputsOn, partitionName, partitionsOf } from './partition.ts';

const recipe = baseRecipe('hf-gptq', 'gptq', ['gptq'], { bits: 4, groupSize: 128 });
const model = llama({ hidden: 4096, intermediate: 11008 });

test('q, k and v are one matrix, gate and up another', () => {
  const rows = partitionsOf(recipe, model, 4).map((one) => `${partitionName(one)} ${one.k}x${one.n} ${one.rowSplit}`);
  assert.deepEqual(rows, ['q_proj, k_proj, v_proj 4096x3072 false', 'o_proj 1024x4096 true', 'gate_proj, up_proj 4096x5504 false', 'down_proj 2752x4096 true']);
});

test('a shard with other settings, or left out, is a matrix of its own or none', () => {
  const changed = { ...recipe, ignore: ['.*gate_proj'], overrides: [{ pattern: '.*v_proj', weights: { bits: 8 } }] };
  const rows = partitionsOf(changed, model, 1).map((one) => `${partitionName(one)} ${one.n} ${one.weights.bits}`);
  assert.deepEqual(rows, ['q_proj, k_proj 8192 4', 'v_proj 4096 8', 'o_proj 4096 4', 'up_proj 11008 4', 'down_proj 4096 4']);
});

test('keys and values are split no further than to one head', () => {
  const narrow = { ...model, kvHeads: 4 };
  const keys = model.linears.find(({ kind }) => kind === 'k_proj');
  assert.ok(keys !== undefined);
  assert.deepEqual(
    [2, 4, 8].map((tensorParallel) => outputsOn({ ...keys, out: 1024 }, narrow, tensorParallel)),
    [512, 256, 256],
  );
});
