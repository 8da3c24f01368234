// AMD Quark in config.json: one tree of settings for all linears, others by name, and the KV cache among the outputs of k_proj and v_proj.
import { schema } from '../../generated/schema-hf-quark.ts';
import { validate } from '../../generated/validate-hf-quark.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ActivationRecipe, KvCacheRecipe, ModuleOverride, WeightRecipe } from '../../recipe/recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { type Fields, fieldsOf, isObject, type JsonObject } from '../fields.ts';
import { methodFormat } from '../hf/method-format.ts';
import { literal } from '../hf/not-converted.ts';

type Code = Pick<WeightRecipe, 'dtype' | 'bits' | 'signed'>;

const CODES: Readonly<Record<string, Code>> = {
  fp8_e4m3: { dtype: 'fp8_e4m3', bits: 8, signed: true },
  fp8_e5m2: { dtype: 'fp8_e5m2', bits: 8, signed: true },
  int8: { dtype: 'int', bits: 8, signed: true },
  uint8: { dtype: 'int', bits: 8, signed: false },
  int4: { dtype: 'int', bits: 4, signed: true },
  uint4: { dtype: 'int', bits: 4, signed: false },
  fp4: { dtype: 'mxfp4', bits: 4, signed: true },
};

export const hfQuark: ConfigFormat = methodFormat({
  id: 'hf-quark',
  title: 'Quark quantization_config in config.json',
  methods: ['quark'],
  schema,
  validate,
  skipKey: 'exclude',
  skipped: (names) => names.map((name) => (name.startsWith('re:') ? name.slice(3) : `${globPattern(name)}$`)),
  snippets: [
    {
      label: 'Quark fp8',
      description: 'fp8 weights and activations, one scale a tensor',
      value: {
        quant_method: 'quark',
        global_quant_config: {
          weight: { dtype: 'fp8_e4m3', qscheme: 'per_tensor', is_dynamic: false },
          input_tensors: { dtype: 'fp8_e4m3', qscheme: 'per_tensor', is_dynamic: false },
        },
        exclude: ['lm_head'],
      },
    },
    {
      label: 'Quark MXFP4',
      description: '4-bit floats in blocks of 32',
      value: {
        quant_method: 'quark',
        global_quant_config: {
          weight: { dtype: 'fp4', qscheme: 'per_group', group_size: 32, is_dynamic: false },
          input_tensors: { dtype: 'fp4', qscheme: 'per_group', group_size: 32, is_dynamic: true },
        },
        exclude: ['lm_head'],
      },
    },
  ],
  origins: {
    weights: ['global_quant_config'],
    activations: ['global_quant_config'],
    overrides: ['layer_quant_config'],
    kvCache: ['export', 'layer_quant_config'],
  },
  recipe(fields) {
    const all = fields.object('global_quant_config');
    const weights = weightsOf(all);
    if (weights === null) {
      return null;
    }
    const activations = activationsOf(all);
    return {
      ...baseRecipe('hf-quark', 'quark', ['quark'], weights),
      variant: fieldsOf(all?.['weight'], []).text('dtype'),
      activations,
      computeMethod: activations === null ? 'weight_only' : 'activate_quant',
      overrides: overridesOf(fields),
      kvCache: kvCacheOf(fields),
    };
  },
  inner(fields, path) {
    const weight = fieldsOf(fields.object('global_quant_config')?.['weight'], [...path, 'global_quant_config', 'weight']);
    weight.origin('weights.bits', 'dtype');
    weight.origin('weights.dtype', 'dtype');
    weight.origin('weights.groupSize', 'group_size');
    weight.origin('weights.symmetric', 'symmetric');
    return weight.origins();
  },
});

function codeOf(tensor: Fields): Code | null {
  const name = tensor.text('dtype') ?? '';
  return Object.hasOwn(CODES, name) ? (CODES[name] ?? null) : null;
}

function weightsOf(layer: JsonObject | null): WeightRecipe | null {
  const tensor = fieldsOf(layer?.['weight'], []);
  const code = codeOf(tensor);
  if (code === null) {
    return null;
  }
  const groupSize = tensor.text('qscheme') === 'per_group' ? tensor.integer('group_size') : null;
  const symmetric = code.dtype !== 'int' || (tensor.boolean('symmetric') ?? code.signed);
  return {
    ...baseRecipe('hf-quark', 'quark', ['quark'], code).weights,
    groupSize: groupSize !== null && groupSize > 0 ? groupSize : -1,
    symmetric,
    zeroPoint: symmetric ? 'none' : 'integer',
  };
}

function activationsOf(layer: JsonObject | null): ActivationRecipe | null {
  const tensor = fieldsOf(layer?.['input_tensors'], []);
  const code = codeOf(tensor);
  if (code === null || code.dtype === 'codebook' || code.dtype === 'nf4' || code.dtype === 'fp4') {
    return null;
  }
  const granularity = { per_group: 'group', per_channel: 'per_token', per_token: 'per_token' }[tensor.text('qscheme') ?? ''] ?? 'per_tensor';
  return {
    dtype: code.dtype,
    bits: code.bits,
    symmetric: tensor.boolean('symmetric') ?? true,
    granularity: granularity as ActivationRecipe['granularity'],
    dynamic: tensor.boolean('is_dynamic') ?? false,
  };
}

/** Layers of the KV cache repeat the weights of all; only what differs is an override. */
function overridesOf(fields: Fields): readonly ModuleOverride[] {
  const all = weightsOf(fields.object('global_quant_config'));
  return Object.entries(fields.object('layer_quant_config') ?? {}).flatMap(([name, layer]) => {
    const weights = weightsOf(isObject(layer) ? layer : null);
    const same = weights === null || JSON.stringify(weights) === JSON.stringify(all);
    return same ? [] : [{ pattern: `${globPattern(name)}$`, weights }];
  });
}

/** A name in which * stands for any text. */
function globPattern(name: string): string {
  return literal(name).replaceAll('\\*', '.*');
}

/** export.kv_cache_group names entries of layer_quant_config; the outputs of those layers are what the cache holds. */
function kvCacheOf(fields: Fields): KvCacheRecipe | null {
  const [name] = fieldsOf(fields.object('export'), []).texts('kv_cache_group');
  const layer = name === undefined ? undefined : fields.object('layer_quant_config')?.[name];
  const tensor = fieldsOf(isObject(layer) ? layer['output_tensors'] : null, []);
  const code = codeOf(tensor);
  if (code === null || (code.dtype !== 'int' && code.dtype !== 'fp8_e4m3' && code.dtype !== 'fp8_e5m2')) {
    return null;
  }
  return {
    dtype: code.dtype,
    bits: code.bits,
    method: null,
    symmetric: tensor.boolean('symmetric') ?? true,
    strategy: tensor.text('qscheme') === 'per_tensor' ? 'per_tensor' : null,
    groupSize: null,
  };
}
