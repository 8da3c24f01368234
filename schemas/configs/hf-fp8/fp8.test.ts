// fp8: blocks as the tools read them when they are left out, static activations, and ModelOpt's own groups.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recipe } from '../../recipe/recipe.ts';
import { findings, fixed } from '../../testing/checking.ts';
import { hfModelopt } from '../hf-modelopt/format.ts';
import { hfFp8 } from './format.ts';

function recipeOf(config: object): Recipe {
  const { recipe } = hfFp8.lower({ quant_method: 'fp8', ...config }, []);
  assert.ok(recipe);
  return recipe;
}

test('blocks: 128 x 128 when left out, none in files of AutoFP8, none for null', () => {
  assert.deepEqual(recipeOf({}).weights.block, [128, 128]);
  assert.equal(recipeOf({ weight_block_size: null }).weights.block, null);
  assert.equal(recipeOf({ activation_scheme: 'static' }).weights.block, null);
  assert.equal(recipeOf({ ignored_layers: ['lm_head'] }).weights.block, null);
  assert.deepEqual(recipeOf({ weight_block_size: [64, 32] }).weights.block, [64, 32]);
  assert.equal(hfFp8.lower({ quant_method: 'fp8', weight_block_size: [128] }, []).recipe, null);
});

test('activations follow the blocks and the scheme', () => {
  const activations = (config: object): unknown => [recipeOf(config).activations?.granularity, recipeOf(config).activations?.dynamic];
  assert.deepEqual(activations({}), ['group', true]);
  assert.deepEqual(activations({ weight_block_size: null }), ['per_token', true]);
  assert.deepEqual(activations({ activation_scheme: 'static' }), ['per_tensor', false]);
  const mxfp8 = hfFp8.lower({ quant_method: 'mxfp8' }, []).recipe;
  assert.deepEqual([mxfp8?.weights.dtype, mxfp8?.weights.groupSize], ['mxfp8', 32]);
});

test('static activations beside blocks warn', () => {
  const config = { quantization_config: { quant_method: 'fp8', activation_scheme: 'static', weight_block_size: [128, 128] } };
  assert.equal(findings('QC013', config, { file: 'config.json' })[0]?.severity, 'warning');
  assert.deepEqual(fixed('QC013', config, { file: 'config.json' }), {
    quantization_config: { quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [128, 128] },
  });
  assert.deepEqual(findings('QC013', { quantization_config: { quant_method: 'fp8', activation_scheme: 'static' } }, { file: 'config.json' }), []);
});

test("ModelOpt's flat form keeps its group size in the groups, and its cache in arguments or by name", () => {
  const args = { num_bits: 4, type: 'float', group_size: 32 };
  const config = { quant_method: 'modelopt', quant_algo: 'NVFP4', config_groups: { g: { targets: ['Linear'], weights: args } } };
  const at = ['quantization_config', 'config_groups', 'g', 'weights', 'group_size'];
  assert.deepEqual(findings('QC006', { quantization_config: config }, { file: 'config.json' })[0]?.path, at);
  assert.deepEqual(hfModelopt.spell('weights.groupSize', 16, { value: config, path: ['quantization_config'] }), [{ kind: 'set', path: at, value: 16 }]);
  const cache = (kv_cache_scheme: unknown): unknown =>
    hfModelopt.lower({ quant_method: 'modelopt', quant_algo: 'FP8', kv_cache_scheme }, []).recipe?.kvCache?.dtype;
  assert.deepEqual(['FP8', { num_bits: 8, type: 'float' }, { num_bits: 8, type: 'int' }, null].map(cache), ['fp8_e4m3', 'fp8_e4m3', 'int', undefined]);
});
