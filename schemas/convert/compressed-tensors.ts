// Recipes of ours that are saved as compressed-tensors -> the quantization_config that the saved model carries.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/{quant_args,quant_scheme,quant_config}.py.
import type { JsonObject } from '../configs/fields.ts';
import type { Recipe, WeightRecipe } from '../recipe/recipe.ts';
import type { Converter } from './conversion.ts';

export const compressedTensorsBlock: Converter = {
  id: 'compressed-tensors-block',
  title: 'Convert to quantization_config (compressed-tensors)',
  convert({ recipe, format }) {
    const made = format.id === 'quantwright' && recipe.saveFormat === 'compressed-tensors' && recipe.weights.dtype === 'int';
    return made ? { destination: { kind: 'block' }, value: settings(recipe), carried: [] } : null;
  },
};

function settings(recipe: Recipe): JsonObject {
  const overrides = recipe.overrides.filter(({ weights }) => (weights.dtype ?? 'int') === 'int');
  // Names and patterns are looked for before class names, whatever the order of the groups.
  const special = overrides.map(({ pattern, weights }) => group([`re:${pattern}`], { ...recipe.weights, ...weights }, recipe));
  const groups = [group(['Linear'], recipe.weights, recipe), ...special];
  return {
    quant_method: 'compressed-tensors',
    format: recipe.activations === null ? 'pack-quantized' : 'int-quantized',
    quantization_status: 'compressed',
    config_groups: Object.fromEntries(groups.map((one, index) => [`group_${index}`, one])),
    // Our engine quantizes the linears of the decoder blocks alone; there the class name would take the output matrix too.
    ignore: [...recipe.ignore.map((pattern) => `re:${pattern}`), ...(recipe.ignore.includes('lm_head') ? [] : ['lm_head'])],
  };
}

function group(targets: readonly string[], { bits, groupSize, symmetric }: WeightRecipe, { activations }: Recipe): JsonObject {
  const grouped = groupSize !== -1;
  return {
    targets,
    weights: { num_bits: bits, type: 'int', symmetric, strategy: grouped ? 'group' : 'channel', group_size: grouped ? groupSize : null, dynamic: false },
    input_activations:
      activations === null
        ? null
        : {
            num_bits: activations.bits,
            type: 'int',
            symmetric: activations.symmetric,
            strategy: activations.dynamic ? 'token' : 'tensor',
            dynamic: activations.dynamic,
          },
    output_activations: null,
  };
}
