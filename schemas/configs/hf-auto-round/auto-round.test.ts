// AutoRound: layers with settings of their own, types of codes, and packings.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moduleWeights } from '../../recipe/module-weights.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { findings } from '../../testing/checking.ts';
import { hfAutoRound } from './format.ts';

const OWN = { quant_method: 'auto-round', bits: 4, group_size: 128, sym: true, packing_format: 'auto_round:auto_gptq' };

function recipeOf(config: object): Recipe {
  const { recipe } = hfAutoRound.lower(config, []);
  assert.ok(recipe);
  return recipe;
}

test('layers of extra_config change what they name; 16 bits leave a layer as it was', () => {
  const extra_config = { 'model.layers.0.mlp.down_proj': { bits: 8 }, lm_head: { bits: 16 }, 'a.b': { group_size: 32, sym: false } };
  const weights = moduleWeights(recipeOf({ ...OWN, extra_config }));
  assert.deepEqual([weights('model.layers.0.mlp.down_proj')?.bits, weights('model.layers.0.mlp.down_proj')?.groupSize], [8, 128]);
  assert.equal(weights('model.layers.1.mlp.down_proj')?.bits, 4);
  assert.equal(weights('lm_head'), null);
  assert.deepEqual([weights('a.b')?.groupSize, weights('a.b')?.symmetric], [32, false]);
});

test('small floats are told by their type', () => {
  assert.equal(recipeOf({ ...OWN, data_type: 'mx_fp', group_size: 32 }).weights.dtype, 'mxfp4');
  assert.equal(recipeOf({ ...OWN, data_type: 'nv_fp', group_size: 16 }).weights.dtype, 'nvfp4');
  assert.equal(recipeOf({ ...OWN, data_type: 'fp', bits: 8 }).weights.dtype, 'fp8_e4m3');
  assert.equal(recipeOf(OWN).weights.dtype, 'int');
});

test('asymmetric codes in GPTQ packing warn, in AWQ packing they do not', () => {
  const severities = (config: object): readonly string[] => findings('QC017', config, { file: 'quantization_config.json' }).map(({ severity }) => severity);
  assert.deepEqual(severities({ ...OWN, sym: false }), ['warning']);
  assert.deepEqual(severities({ ...OWN, sym: false, packing_format: 'auto_round:auto_awq' }), []);
  assert.deepEqual(severities(OWN), []);
});

test('a slip in the packing is told, a new packing is not', () => {
  const slips = (packing_format: string): number => findings('QC013', { ...OWN, packing_format }, { file: 'quantization_config.json' }).length;
  assert.deepEqual(['auto_round:auto_gptqq', 'auto_awq', 'autoround:auto_gptq'].map(slips), [1, 1, 1]);
  assert.deepEqual(['auto_round:auto_awq', 'auto_round:fp8_static_block', 'auto_round'].map(slips), [0, 0, 0]);
});
