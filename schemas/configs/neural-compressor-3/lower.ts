// A weight-only config of Neural Compressor 3.x -> Recipe. The algorithm is the one whose own keys the file has; RTN has none.
import { layerWise } from '../../hardware/runtimes/neural-compressor/layer-wise.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { QuantMethod, Recipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { setFix } from '../fixes.ts';

const ALGORITHMS: readonly { readonly name: string; readonly method: QuantMethod; readonly keys: readonly string[] }[] = [
  { name: 'GPTQ', method: 'gptq', keys: ['act_order', 'hybrid_order', 'percdamp', 'static_groups', 'true_sequential', 'block_size'] },
  { name: 'AWQ', method: 'awq', keys: ['use_auto_scale', 'use_auto_clip', 'absorb_layer_dict'] },
  { name: 'TEQ', method: 'teq', keys: ['absorb_to_layer'] },
  { name: 'RTN', method: 'rtn', keys: [] },
];

export function lowerWeightOnly(value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  recordOrigins(fields);
  const algorithm = ALGORITHMS.find(({ keys }) => keys.length === 0 || keys.some((key) => Object.hasOwn(fields.value, key)));
  const problems = layerWiseProblems(fields, path, algorithm?.name ?? 'RTN');
  const bits = fields.integer('bits') ?? (fields.broken('bits', null) ? null : 4);
  const groupSize = fields.integer('group_size') ?? (fields.broken('group_size', null) ? null : 32);
  if (bits === null || bits < 1 || bits > 8 || groupSize === null || groupSize < -1 || groupSize === 0) {
    return { recipe: null, origins: fields.origins(), problems };
  }
  const type = fields.text('dtype') ?? 'int';
  const dtype = type === 'nf4' ? 'nf4' : type.startsWith('fp4') ? 'fp4' : 'int';
  const symmetric = dtype !== 'int' || (fields.boolean('use_sym') ?? true);
  const recipe: Recipe = {
    ...baseRecipe('neural-compressor-3', 'neural-compressor', [algorithm?.method ?? 'rtn'], {
      dtype,
      bits,
      groupSize,
      symmetric,
      zeroPoint: symmetric ? 'none' : 'integer',
      descAct: fields.boolean('act_order') ?? false,
      staticGroups: fields.boolean('static_groups') ?? false,
    }),
    variant: algorithm?.name ?? null,
    lmHead: fields.boolean('quant_lm_head') ?? false,
    mseSearch: fields.boolean('use_mse_search') ?? false,
    fullRange: fields.boolean('use_full_range') ?? false,
    dampPercent: fields.number('percdamp') ?? 0.01,
  };
  return { recipe, origins: fields.origins(), problems };
}

function layerWiseProblems(fields: Fields, path: JsonPath, algorithm: string): readonly LowerProblem[] {
  if (fields.boolean('use_layer_wise') !== true || layerWise('pytorch', algorithm) !== 'no') {
    return [];
  }
  const at = [...path, 'use_layer_wise'];
  const message = `use_layer_wise does not go with ${algorithm}: Neural Compressor quantizes RTN, GPTQ and W8A8 layer by layer.`;
  const source = 'intel/neural-compressor layer-wise quantization (table of supported algorithms)';
  return [{ code: 'QC022', path: at, on: 'value', message, source, fixes: [setFix(at, false)] }];
}

function recordOrigins(fields: Fields): void {
  for (const field of ['scheme', 'methods', 'variant', 'weights', 'weights.bits', 'computeMethod'] as const) {
    fields.origin(field, 'bits', 'use_sym');
  }
  fields.origin('weights.dtype', 'dtype', 'bits');
  fields.origin('weights.signed', 'use_sym');
  fields.origin('weights.symmetric', 'use_sym');
  fields.origin('weights.groupSize', 'group_size');
  fields.origin('weights.descAct', 'act_order');
  fields.origin('dampPercent', 'percdamp');
  fields.origin('lmHead', 'quant_lm_head');
}
