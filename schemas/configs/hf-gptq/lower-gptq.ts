// GPTQ settings (config.json and quantize_config.json share their keys, not their defaults) -> Recipe of the checkpoint they describe.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ModuleOverride, Recipe, WeightRecipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { fromPython } from '../hf/module-patterns.ts';

/** What the reading tool takes for a key that is left out; null: the key is required. */
export interface GptqDefaults {
  readonly bits: number | null;
  readonly groupSize: number;
  readonly descAct: boolean;
  readonly dampPercent: number;
}

export function lowerGptq(format: string, defaults: GptqDefaults, value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  recordOrigins(fields);
  const problems: LowerProblem[] = [];
  const weights = readWeights(fields, defaults);
  const { ignore, overrides } = readDynamic(fields, path, problems);
  const layout = fields.text('checkpoint_format') ?? fields.text('format') ?? 'gptq';
  if (weights === null || (layout !== 'gptq' && layout !== 'gptq_v2' && layout !== 'gptq_p')) {
    return { recipe: null, origins: fields.origins(), problems };
  }
  const recipe: Recipe = {
    ...baseRecipe(format, 'gptq', ['gptq'], weights),
    variant: layout,
    ignore,
    overrides,
    lmHead: fields.boolean('lm_head') ?? false,
    dampPercent: fields.number('damp_percent') ?? defaults.dampPercent,
    trueSequential: fields.boolean('true_sequential') ?? true,
    saveFormat: layout === 'gptq_p' ? null : layout,
  };
  return { recipe, origins: fields.origins(), problems };
}

function recordOrigins(fields: Fields): void {
  fields.origin('methods', 'quant_method', 'method', 'bits');
  fields.origin('weights', 'bits');
  fields.origin('weights.bits', 'bits');
  fields.origin('weights.dtype', 'bits');
  fields.origin('weights.signed', 'sym');
  fields.origin('weights.symmetric', 'sym');
  fields.origin('weights.groupSize', 'group_size');
  fields.origin('weights.descAct', 'desc_act');
  // The file does not name it; DashInfer goes by the bits.
  fields.origin('computeMethod', 'bits');
  fields.origin('overrides', 'dynamic');
  fields.origin('ignore', 'dynamic');
  fields.origin('lmHead', 'lm_head');
  fields.origin('variant', 'checkpoint_format', 'format');
  fields.origin('scheme', 'quant_method', 'method', 'bits');
  fields.origin('saveFormat', 'checkpoint_format', 'format');
  fields.origin('dampPercent', 'damp_percent');
  fields.origin('calibration', 'dataset');
}

function readWeights(fields: Fields, defaults: GptqDefaults): WeightRecipe | null {
  const bits = fields.integer('bits') ?? (fields.broken('bits', null) ? null : defaults.bits);
  const groupSize = fields.integer('group_size') ?? (fields.broken('group_size', null) ? null : defaults.groupSize);
  if (bits === null || bits < 2 || bits > 8 || groupSize === null || groupSize < -1 || groupSize === 0) {
    return null;
  }
  const symmetric = fields.boolean('sym') ?? true;
  return {
    dtype: 'int',
    bits,
    signed: false,
    symmetric,
    groupSize,
    zeroPoint: symmetric ? 'none' : 'integer',
    descAct: fields.boolean('desc_act') ?? defaults.descAct,
    staticGroups: fields.boolean('static_groups') ?? false,
  };
}

/** GPTQModel: `-:pattern` skips modules; `+:pattern` or the pattern alone changes their settings. */
function readDynamic(
  fields: Fields,
  path: JsonPath,
  problems: LowerProblem[],
): { readonly ignore: readonly string[]; readonly overrides: readonly ModuleOverride[] } {
  const ignore: string[] = [];
  const overrides: ModuleOverride[] = [];
  for (const [key, settings] of Object.entries(fields.object('dynamic') ?? {})) {
    const pattern = fromPython(key.replace(/^[+-]:/, ''));
    if (startAnchored(pattern) === null) {
      problems.push({
        code: 'QC025',
        path: [...path, 'dynamic', key],
        message: `"${pattern}" is not a regular expression; GPTQModel cannot match a module by it.`,
      });
    } else if (key.startsWith('-:')) {
      ignore.push(pattern);
    } else {
      overrides.push({ pattern, weights: readOverride(settings) });
    }
  }
  return { ignore, overrides };
}

function readOverride(settings: unknown): Partial<WeightRecipe> {
  const inner = fieldsOf(settings, []);
  const bits = inner.integer('bits');
  const groupSize = inner.integer('group_size');
  const symmetric = inner.boolean('sym');
  const descAct = inner.boolean('desc_act');
  return {
    ...(bits === null ? {} : { bits }),
    ...(groupSize === null || groupSize < -1 || groupSize === 0 ? {} : { groupSize }),
    ...(symmetric === null ? {} : { symmetric, zeroPoint: symmetric ? ('none' as const) : ('integer' as const) }),
    ...(descAct === null ? {} : { descAct }),
  };
}
