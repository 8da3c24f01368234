// HQQ in config.json, in the form hqq writes: quant_config.weight_quant_params, for all linears or by the tag of a layer.
import { schema } from '../../generated/schema-hf-hqq.ts';
import { validate } from '../../generated/validate-hf-hqq.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ModuleOverride, WeightRecipe } from '../../recipe/recipe.ts';
import type { ConfigFormat, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf, isObject } from '../fields.ts';
import { methodFormat } from '../hf/method-format.ts';
import { literal } from '../hf/not-converted.ts';

const PARAMS = ['quant_config', 'weight_quant_params'] as const;
const SOURCE = 'huggingface/transformers src/transformers/utils/quantization_config.py :: HqqConfig.from_dict';

export const hfHqq: ConfigFormat = methodFormat({
  id: 'hf-hqq',
  title: 'HQQ quantization_config in config.json',
  methods: ['hqq'],
  schema,
  validate,
  skipKey: 'skip_modules',
  snippets: [serialized('HQQ 4 bits', 4, 64), serialized('HQQ 8 bits', 8, 128)],
  origins: { weights: ['quant_config'] },
  recipe(fields) {
    const config = fields.object('quant_config') ?? {};
    const all = weightsOf(config);
    const overrides = Object.hasOwn(config, 'weight_quant_params') ? [] : layers(config);
    const weights = all ?? overrides[0]?.weights ?? null;
    // Layers by tag: linears without one stay as they are.
    const others = all === null && overrides.length > 0 ? [`(?!(?:${overrides.map(({ pattern }) => pattern).join('|')}))`] : [];
    const variant = hasOutputGroups(config) ? 'axis 0' : null;
    return weights === null ? null : { ...baseRecipe('hf-hqq', 'hqq', ['hqq'], weights), variant, overrides, ignore: others };
  },
  inner(fields, path) {
    const params = fieldsOf(fields.object('quant_config')?.['weight_quant_params'], [...path, ...PARAMS]);
    params.origin('weights.bits', 'nbits');
    params.origin('weights.groupSize', 'group_size');
    params.origin('weights.symmetric', 'round_zero');
    return params.origins();
  },
  problems: (fields, path) => (fields.value['quant_config'] === undefined ? [unserialized(fields, path)] : []),
  spellings: {
    'weights.bits': { path: [...PARAMS, 'nbits'], write: (bits) => (typeof bits === 'number' && [1, 2, 3, 4, 8].includes(bits) ? bits : null) },
    'weights.groupSize': { path: [...PARAMS, 'group_size'], write: (size) => (typeof size === 'number' && size > 0 ? size : null) },
  },
});

function weightsOf(config: unknown): WeightRecipe | null {
  const inner = isObject(config) ? config['weight_quant_params'] : undefined;
  if (!isObject(inner)) {
    return null;
  }
  const fields = fieldsOf(inner, []);
  const bits = fields.integer('nbits') ?? (fields.broken('nbits', null) ? null : 4);
  const groupSize = inner['group_size'] === null ? -1 : (fields.integer('group_size') ?? (fields.broken('group_size', null) ? null : 64));
  if (bits === null || groupSize === null || bits < 1 || bits > 8 || groupSize < -1 || groupSize === 0) {
    return null;
  }
  // Groups along the output say nothing about the width of a layer.
  const along = fields.integer('axis') === 0 ? -1 : groupSize;
  const zeroPoint = fields.boolean('round_zero') === true ? 'integer' : 'float';
  return { ...baseRecipe('hf-hqq', 'hqq', ['hqq'], {}).weights, bits, signed: false, symmetric: false, zeroPoint, groupSize: along };
}

/** Any module grouped along its outputs (axis 0). */
function hasOutputGroups(config: Readonly<Record<string, unknown>>): boolean {
  return [config, ...Object.values(config)].some((one) => {
    const params = isObject(one) ? one['weight_quant_params'] : undefined;
    return isObject(params) && params['axis'] === 0;
  });
}

/** Tags (self_attn.q_proj) name the same linear of every layer: the end of its name. */
function layers(config: Readonly<Record<string, unknown>>): readonly ModuleOverride[] {
  return Object.entries(config).flatMap(([tag, settings]) => {
    const weights = weightsOf(settings);
    return weights === null ? [] : [{ pattern: `(?:.*\\.)?${literal(tag)}$`, weights }];
  });
}

/** The arguments of HqqConfig stand where the file has what they make. */
function unserialized(fields: Fields, path: JsonPath): LowerProblem {
  const moved = ['nbits', 'group_size', 'axis', 'view_as_float'].filter((key) => fields.value[key] !== undefined);
  const params = { nbits: 4, group_size: 64, axis: 1, ...Object.fromEntries(moved.map((key) => [key, fields.value[key]])) };
  const value = { weight_quant_params: params, scale_quant_params: null, zero_quant_params: null, offload_meta: false };
  const arguments_ = moved.length === 0 ? '' : ` ${moved.join(', ')} beside it are arguments of HqqConfig and are not read from a file.`;
  return {
    code: 'QC013',
    path: [...path, 'quant_config'],
    message: `quant_config is missing: transformers reads it without asking and fails with KeyError: 'quant_config'.${arguments_}`,
    source: SOURCE,
    fixes: [
      {
        title: moved.length === 0 ? 'Add quant_config' : `Move ${moved.join(', ')} into quant_config.weight_quant_params`,
        edits: [{ kind: 'set', path: [...path, 'quant_config'], value }, ...moved.map((key) => ({ kind: 'remove' as const, path: [...path, key] }))],
        preferred: true,
      },
    ],
  };
}

function serialized(label: string, nbits: number, group_size: number): { label: string; description: string; value: unknown } {
  const weight_quant_params = { nbits, group_size, axis: 1, channel_wise: true, optimize: true, round_zero: nbits === 4, view_as_float: false };
  return {
    label,
    description: 'Groups with optimized zero points, no calibration',
    value: {
      quant_method: 'hqq',
      quant_config: { weight_quant_params, scale_quant_params: null, zero_quant_params: null, offload_meta: false },
      skip_modules: ['lm_head'],
    },
  };
}
