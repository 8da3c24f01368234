// bitsandbytes in a model's config.json, or in a file of its own (bnb_config.json). load_in_4bit and load_in_8bit alone make it one.
import { schema } from '../../generated/schema-hf-bitsandbytes.ts';
import { validate } from '../../generated/validate-hf-bitsandbytes.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { type Fields, fieldsOf, isObject, type JsonObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { inspectMember } from '../hf/inspect.ts';
import { notConverted } from '../hf/not-converted.ts';
import { hfPlaces } from '../hf/place.ts';
import { LLM_INT8_THRESHOLD } from '../quantwright/activation-methods.ts';
import { bitsAndBytesProblems, thresholdProblems } from './problems.ts';

const METHODS = ['bitsandbytes', 'bitsandbytes_4bit', 'bitsandbytes_8bit'];

export const hfBitsandbytes: ConfigFormat = {
  id: 'hf-bitsandbytes',
  title: 'bitsandbytes quantization_config in config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets: [
    {
      label: 'bitsandbytes 4 bits (nf4)',
      description: 'Quantized while loading, no calibration; computes in bfloat16',
      value: {
        quant_method: 'bitsandbytes',
        load_in_4bit: true,
        bnb_4bit_quant_type: 'nf4',
        bnb_4bit_compute_dtype: 'bfloat16',
        bnb_4bit_use_double_quant: true,
      },
    },
    {
      label: 'bitsandbytes 8 bits (LLM.int8)',
      description: 'Outlier columns stay in 16 bits',
      value: { quant_method: 'bitsandbytes', load_in_8bit: true, llm_int8_skip_modules: ['lm_head'] },
    },
  ],
  match(fileName, root) {
    const found = hfPlaces(fileName, root).find(({ config }) => isOurs(config));
    if (found !== undefined) {
      return { path: found.path };
    }
    const value = root?.value;
    // A file of arguments for BitsAndBytesConfig, without a method.
    const bare =
      isObject(value) && !baseName(fileName).endsWith('.quant.json') && !Object.hasOwn(value, 'quant_method') && hasSwitch(value) && hasOwnKey(value);
    return bare ? { path: [] } : null;
  },
  lower(value, path) {
    const fields = fieldsOf(value, path);
    recordOrigins(fields);
    const problems = bitsAndBytesProblems(fields, path);
    const recipe = recipeOf(fields);
    return { recipe: recipe === null ? null : { ...recipe, ignore: notConverted(fields.texts('llm_int8_skip_modules')) }, origins: fields.origins(), problems };
  },
  spell(field, value, { path }) {
    return field === 'computeDtype' ? [{ kind: 'set', path: [...path, 'bnb_4bit_compute_dtype'], value }] : [];
  },
  inspect: (root, path) => [...inspectMember(root, path), ...thresholdProblems(root, path)],
};

function isOurs(config: JsonObject): boolean {
  const method = config['quant_method'];
  return typeof method === 'string' ? METHODS.includes(method) : hasSwitch(config) || hasOwnKey(config);
}

function hasSwitch(config: JsonObject): boolean {
  return ['load_in_4bit', 'load_in_8bit'].some((key) => typeof config[key] === 'boolean');
}

function hasOwnKey(config: JsonObject): boolean {
  return Object.keys(config).some((key) => key.startsWith('bnb_4bit_') || key.startsWith('llm_int8_'));
}

function recordOrigins(fields: Fields): void {
  const key = fields.boolean('load_in_8bit') === true && fields.boolean('load_in_4bit') !== true ? 'load_in_8bit' : 'load_in_4bit';
  fields.origin('methods', 'quant_method', key);
  fields.origin('scheme', 'quant_method', key);
  fields.origin('weights', key);
  fields.origin('weights.bits', key, 'quant_method');
  fields.origin('weights.dtype', 'bnb_4bit_quant_type', key);
  fields.origin('activations', key);
  fields.origin('activations.threshold', 'llm_int8_threshold', key);
  fields.origin('computeMethod', key);
  fields.origin('computeDtype', 'bnb_4bit_compute_dtype');
  fields.origin('ignore', 'llm_int8_skip_modules');
}

/** Null when neither or both widths are asked for. */
function recipeOf(fields: Fields): Recipe | null {
  const method = fields.text('quant_method');
  const four = fields.boolean('load_in_4bit') === true || method === 'bitsandbytes_4bit';
  const eight = fields.boolean('load_in_8bit') === true || method === 'bitsandbytes_8bit';
  if (four === eight) {
    return null;
  }
  if (four) {
    const dtype = fields.oneOf('bnb_4bit_quant_type', ['nf4', 'fp4']) ?? 'fp4';
    const nested = fields.boolean('bnb_4bit_use_double_quant') === true;
    return {
      ...baseRecipe('hf-bitsandbytes', 'bitsandbytes', ['bitsandbytes'], { dtype, bits: 4, groupSize: 64, ...(nested ? { doubleQuant: true } : {}) }),
      variant: dtype,
      computeDtype: fields.text('bnb_4bit_compute_dtype') ?? 'float32',
    };
  }
  return {
    ...baseRecipe('hf-bitsandbytes', 'bitsandbytes', ['llm_int8'], { bits: 8 }),
    // Weights that are kept in 16 bits and rounded for every product: no int8 codes are stored.
    variant: fields.boolean('llm_int8_has_fp16_weight') === true ? 'has_fp16_weight' : 'int8',
    activations: {
      dtype: 'int',
      bits: 8,
      symmetric: true,
      granularity: 'per_token',
      dynamic: true,
      rule: 'llm_int8',
      threshold: Math.max(0, fields.number('llm_int8_threshold') ?? LLM_INT8_THRESHOLD),
    },
    computeMethod: 'activate_quant',
  };
}
