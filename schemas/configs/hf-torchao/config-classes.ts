// Config classes of torchao.quantization -> the recipe they stand for; and the names that stood for them until transformers removed them.
// Source: pytorch/ao torchao/quantization/quant_api.py; huggingface/transformers src/transformers/utils/quantization_config.py :: TorchAoConfig
import type { Recipe, WeightRecipe } from '../../recipe/recipe.ts';
import { fieldsOf, isObject, type JsonObject } from '../fields.ts';

type Parts = Pick<Recipe, 'activations' | 'computeMethod'> & { readonly weights: Partial<WeightRecipe> };

const WEIGHT_ONLY = { activations: null, computeMethod: 'weight_only' } as const;
const INT8_TOKENS = {
  activations: { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true },
  computeMethod: 'activate_quant',
} as const;
const GROUPED = { bits: 4, signed: false, symmetric: false, zeroPoint: 'float' } as const;

/** Null: a class without a row here, of which nothing is said. */
export function partsOf(type: string, data: JsonObject): Parts | null {
  const groupSize = fieldsOf(data, []).integer('group_size');
  const grouped = (otherwise: number): number => (groupSize !== null && groupSize > 0 ? groupSize : otherwise);
  switch (type) {
    case 'Int4WeightOnlyConfig':
      return { ...WEIGHT_ONLY, weights: { ...GROUPED, groupSize: grouped(128) } };
    case 'Int8WeightOnlyConfig':
      return { ...WEIGHT_ONLY, weights: { bits: 8, groupSize: grouped(-1) } };
    case 'Int8DynamicActivationInt8WeightConfig':
      return { ...INT8_TOKENS, weights: { bits: 8 } };
    case 'Int8DynamicActivationInt4WeightConfig':
      return { ...INT8_TOKENS, weights: { bits: 4, groupSize: grouped(32) } };
    case 'Float8WeightOnlyConfig':
      return { ...WEIGHT_ONLY, weights: { bits: 8, dtype: 'fp8_e4m3' } };
    case 'Float8DynamicActivationFloat8WeightConfig':
      return {
        weights: { bits: 8, dtype: 'fp8_e4m3' },
        activations: { dtype: 'fp8_e4m3', bits: 8, symmetric: true, granularity: rows(data) ? 'per_token' : 'per_tensor', dynamic: true },
        computeMethod: 'activate_quant',
      };
    default:
      return null;
  }
}

function rows(data: JsonObject): boolean {
  const { granularity } = data;
  const first: unknown = Array.isArray(granularity) ? granularity[0] : granularity;
  return isObject(first) && first['_type'] === 'PerRow';
}

/** Groups that int4 kernels have. */
export const INT4_GROUPS: readonly number[] = [256, 128, 64, 32];

const CLASS_OF_NAME: Readonly<Record<string, string>> = {
  int4_weight_only: 'Int4WeightOnlyConfig',
  int8_weight_only: 'Int8WeightOnlyConfig',
  int8_dynamic_activation_int8_weight: 'Int8DynamicActivationInt8WeightConfig',
  int8_dynamic_activation_int4_weight: 'Int8DynamicActivationInt4WeightConfig',
  float8_weight_only: 'Float8WeightOnlyConfig',
  float8_dynamic_activation_float8_weight: 'Float8DynamicActivationFloat8WeightConfig',
};

/** The config object a removed name stood for, with the arguments beside it; null where it stood for none (autoquant). */
export function configObject(name: string, kwargs: JsonObject): JsonObject | null {
  const type = Object.hasOwn(CLASS_OF_NAME, name) ? CLASS_OF_NAME[name] : undefined;
  if (type === undefined) {
    return null;
  }
  // Tensor layouts were written as pairs of a name and arguments, which the classes do not read.
  const data = Object.fromEntries(Object.entries(kwargs).filter(([key]) => key !== 'layout'));
  return { default: { _type: type, _version: 1, _data: data } };
}
