// AutoRound: quantization_config in config.json, and the same object as quantization_config.json.
import { schema } from '../../generated/schema-hf-auto-round.ts';
import { validate } from '../../generated/validate-hf-auto-round.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { Recipe, WeightRecipe } from '../../recipe/recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { type Fields, fieldsOf, isObject, type JsonObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { methodFormat, numberAt } from '../hf/method-format.ts';
import { literal } from '../hf/not-converted.ts';
import { placeOfMethod } from '../hf/place.ts';
import { autoRoundProblems } from './problems.ts';

const METHODS = ['auto-round', 'intel/auto-round'];

const format = methodFormat({
  id: 'hf-auto-round',
  title: 'AutoRound quantization_config',
  methods: METHODS,
  schema,
  validate,
  snippets: [
    snippet('AutoRound 4 bits, group 128', 'Symmetric, in GPTQ packing: the fastest kernels', true, 'auto_round:auto_gptq'),
    snippet('AutoRound 4 bits, asymmetric', 'In AWQ packing, which holds zero points exactly', false, 'auto_round:auto_awq'),
  ],
  origins: {
    weights: ['bits'],
    'weights.bits': ['bits'],
    'weights.dtype': ['data_type', 'bits'],
    'weights.groupSize': ['group_size'],
    'weights.symmetric': ['sym'],
    variant: ['packing_format', 'backend'],
    overrides: ['extra_config'],
    activations: ['act_bits'],
    lmHead: ['quant_lm_head'],
  },
  recipe: recipeOf,
  problems: autoRoundProblems,
  spellings: {
    'weights.bits': numberAt('bits'),
    'weights.groupSize': numberAt('group_size'),
    'weights.symmetric': { path: ['sym'], write: (symmetric) => symmetric === true },
    variant: { path: ['packing_format'], write: (packing) => packing },
  },
});

export const hfAutoRound: ConfigFormat = {
  ...format,
  match(fileName, root) {
    const found = placeOfMethod(fileName, root, METHODS, isShaped);
    const value = root?.value;
    const bare = baseName(fileName) === 'quantization_config.json' && isObject(value) && !Object.hasOwn(value, 'quant_method') && isShaped(value);
    return found ?? (bare ? { path: [] } : null);
  },
};

function isShaped(config: JsonObject): boolean {
  return Object.hasOwn(config, 'autoround_version') || (Object.hasOwn(config, 'packing_format') && Object.hasOwn(config, 'bits'));
}

function recipeOf(fields: Fields): Recipe | null {
  const weights = weightsOf(fields, { bits: null, groupSize: 128, symmetric: true, type: 'int' });
  if (weights === null) {
    return null;
  }
  const layers = Object.entries(fields.object('extra_config') ?? {});
  const settings = layers.map(([name, value]) => ({ pattern: `${literal(name)}$`, fields: fieldsOf(value, []) }));
  const plain = settings.filter((layer) => (layer.fields.integer('bits') ?? 0) >= 16);
  const changed = settings.filter((layer) => !plain.includes(layer));
  const own = { bits: weights.bits, groupSize: weights.groupSize, symmetric: weights.symmetric, type: fields.text('data_type') ?? 'int' };
  return {
    ...baseRecipe('hf-auto-round', 'auto-round', ['auto_round'], weights),
    variant: fields.text('packing_format') ?? fields.text('backend'),
    ignore: plain.map(({ pattern }) => pattern),
    lmHead: fields.boolean('quant_lm_head') ?? false,
    overrides: changed.flatMap(({ pattern, fields: layer }) => {
      const changedWeights = weightsOf(layer, own);
      return changedWeights === null ? [] : [{ pattern, weights: changedWeights }];
    }),
  };
}

interface Defaults {
  readonly bits: number | null;
  readonly groupSize: number;
  readonly symmetric: boolean;
  readonly type: string;
}

function weightsOf(fields: Fields, defaults: Defaults): WeightRecipe | null {
  const bits = fields.integer('bits') ?? (fields.broken('bits', null) ? null : defaults.bits);
  const groupSize = fields.integer('group_size') ?? (fields.broken('group_size', null) ? null : defaults.groupSize);
  if (bits === null || bits < 2 || bits > 8 || groupSize === null || groupSize < -1 || groupSize === 0) {
    return null;
  }
  const symmetric = fields.boolean('sym') ?? defaults.symmetric;
  const zeroPoint = symmetric ? ('none' as const) : ('integer' as const);
  const base = { ...baseRecipe('', '', ['auto_round'], {}).weights, bits, groupSize, symmetric, zeroPoint };
  const type = fields.text('data_type') ?? defaults.type;
  if (type.startsWith('mx_fp')) {
    return { ...base, dtype: bits === 8 ? 'mxfp8' : 'mxfp4', symmetric: true, zeroPoint: 'none' };
  }
  if (type.startsWith('nv_fp')) {
    return { ...base, dtype: 'nvfp4', symmetric: true, zeroPoint: 'none' };
  }
  return type.startsWith('fp') ? { ...base, dtype: bits === 8 ? 'fp8_e4m3' : 'fp4', symmetric: true, zeroPoint: 'none' } : base;
}

function snippet(label: string, description: string, sym: boolean, packing: string): NonNullable<ConfigFormat['snippets']>[number] {
  return { label, description, value: { quant_method: 'auto-round', bits: 4, group_size: 128, sym, data_type: 'int', packing_format: packing } };
}
