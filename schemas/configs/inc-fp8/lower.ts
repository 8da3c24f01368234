// An FP8 config of Neural Compressor -> Recipe: FP8 weights and activations, scales per tensor or per channel.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { Lowered } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { fp8Problems } from './problems.ts';
import { flag, scaleMethod } from './values.ts';

export function lowerFp8(value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  recordOrigins(fields);
  const problems = fp8Problems(fields, path);
  const type = fields.text('fp8_config') ?? (fields.broken('fp8_config', null) ? null : 'E4M3');
  const dtype = type === null ? undefined : ({ E4M3: 'fp8_e4m3', E5M2: 'fp8_e5m2' } as const)[type.toUpperCase()];
  if (dtype === undefined) {
    return { recipe: null, origins: fields.origins(), problems };
  }
  const method = scaleMethod(fields);
  const dynamic = flag(fields, 'dynamic_quantization');
  const recipe: Recipe = {
    ...baseRecipe('inc-fp8', 'inc-fp8', ['fp8'], { dtype, bits: 8 }),
    variant: method,
    activations: {
      dtype,
      bits: 8,
      symmetric: true,
      granularity: dynamic && method?.startsWith('ACT_MAXABS_PCS') === true ? 'per_token' : 'per_tensor',
      dynamic,
    },
    computeMethod: 'activate_quant',
    computeDtype: fields.text('hp_dtype')?.toLowerCase() ?? null,
  };
  return { recipe, origins: fields.origins(), problems };
}

function recordOrigins(fields: Fields): void {
  fields.origin('scheme', 'mode', 'scale_method');
  fields.origin('methods', 'mode', 'scale_method');
  fields.origin('variant', 'scale_method');
  for (const field of ['weights', 'weights.bits', 'weights.dtype', 'weights.signed'] as const) {
    fields.origin(field, 'fp8_config', 'mode');
  }
  fields.origin('weights.symmetric', 'fp8_config', 'mode');
  fields.origin('weights.groupSize', 'scale_method');
  fields.origin('activations', 'dynamic_quantization', 'scale_method');
  fields.origin('computeMethod', 'mode');
  fields.origin('computeDtype', 'hp_dtype');
  fields.origin('ignore', 'blocklist', 'blacklist');
}
