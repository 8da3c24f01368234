// A DashInfer model config -> Recipe. Its CPU weights are rounded with integer zero points, not as InstantQuant does it on GPUs.
// Source: modelscope/dash-infer docs/EN/examples_python.md; python/pyhie/allspark/runtime_config.py :: get_cache_mode_from_str
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath, Origins } from '../../recipe/origin.ts';
import type { KvCacheRecipe, Recipe } from '../../recipe/recipe.ts';
import type { Lowered } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';

const GROUP_SIZES = [-1, 64, 128, 256, 512];

export function lowerModelConfig(value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  const quantization = fieldsOf(fields.object('quantization_config'), [...path, 'quantization_config']);
  const runtime = fieldsOf(fields.object('runtime_config'), [...path, 'runtime_config']);
  runtime.origin('kvCache', 'kv_cache_mode');
  const origins = { ...fields.origins(), ...originsOf(fields, quantization), ...runtime.origins() };
  const recipe = fields.object('quantization_config') === null ? null : recipeOf(quantization);
  return { recipe: recipe === null ? null : { ...recipe, kvCache: cacheOf(runtime.text('kv_cache_mode')) }, origins, problems: [] };
}

function originsOf(fields: Fields, quantization: Fields): Origins {
  for (const field of ['scheme', 'methods'] as const) {
    fields.origin(field, 'quantization_config');
  }
  for (const field of ['weights', 'weights.bits', 'weights.signed', 'weights.dtype', 'computeMethod'] as const) {
    quantization.origin(field, 'weight_type');
  }
  quantization.origin('weights.groupSize', 'GroupSize', 'SubChannel');
  quantization.origin('computeDtype', 'activation_type');
  return { ...fields.origins(), ...quantization.origins() };
}

function recipeOf(quantization: Fields): Recipe | null {
  const type = /^(u?)int([48])$/.exec(quantization.text('weight_type') ?? '');
  const groups = quantization.boolean('SubChannel') === true;
  const groupSize = groups ? quantization.integer('GroupSize') : -1;
  // A group size that the schema refuses is not judged a second time.
  if (type === null || groupSize === null || !GROUP_SIZES.includes(groupSize)) {
    return null;
  }
  return {
    ...baseRecipe('dashinfer-model', 'dashinfer-json', ['rtn'], {
      bits: Number(type[2]),
      signed: type[1] === '',
      symmetric: false,
      zeroPoint: 'integer',
      groupSize,
    }),
    dialect: 'dashinfer_cpu',
    computeDtype: quantization.text('activation_type'),
  };
}

/** The cache is rounded as weights are, a token and a head at a time. */
function cacheOf(mode: string | null): KvCacheRecipe | null {
  const bits = mode === 'AsCacheQuantI8' ? 8 : mode === 'AsCacheQuantU4' ? 4 : null;
  return bits === null ? null : { dtype: 'int', bits, method: 'instant_quant', symmetric: false, strategy: 'per_token', groupSize: null };
}
