// Fine-grained fp8 in a model's config.json (DeepSeek, Qwen and others publish it), and mxfp8, which shares its class.
import { schema } from '../../generated/schema-hf-fp8.ts';
import { validate } from '../../generated/validate-hf-fp8.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ActivationRecipe, Recipe } from '../../recipe/recipe.ts';
import type { ConfigFormat, LowerProblem } from '../config-format.ts';
import type { Fields, JsonObject } from '../fields.ts';
import { renameFix, setFix } from '../fixes.ts';
import { methodFormat } from '../hf/method-format.ts';
import { notConverted } from '../hf/not-converted.ts';
import { placeOfMethod } from '../hf/place.ts';

const METHODS = ['fp8', 'mxfp8'];
const VLLM = 'vllm-project/vllm vllm/model_executor/layers/quantization/fp8.py';

const format = methodFormat({
  id: 'hf-fp8',
  title: 'fp8 quantization_config in config.json',
  methods: METHODS,
  schema,
  validate,
  snippets: [
    {
      label: 'fp8 in blocks of 128 x 128',
      description: 'As DeepSeek and Qwen publish; activations are scaled at run time',
      value: { quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [128, 128], modules_to_not_convert: ['lm_head'] },
    },
    {
      label: 'fp8, one scale a tensor',
      description: 'For fp8 kernels without blocks',
      value: { quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: null, modules_to_not_convert: ['lm_head'] },
    },
  ],
  origins: {
    weights: ['weight_block_size', 'quant_method'],
    'weights.dtype': ['quant_method'],
    'weights.bits': ['quant_method'],
    'weights.block': ['weight_block_size'],
    'weights.groupSize': ['weight_block_size'],
    activations: ['activation_scheme'],
    computeMethod: ['activation_scheme'],
    variant: ['quant_method'],
    ignore: ['modules_to_not_convert', 'ignored_layers'],
    kvCache: ['kv_cache_scheme'],
  },
  recipe: recipeOf,
  problems: (fields, path) => [...staticBlocks(fields, path), ...unreadSkips(fields, path)],
  spellings: { activations: { path: ['activation_scheme'], write: (scheme) => (scheme === 'dynamic' || scheme === 'static' ? scheme : null) } },
});

export const hfFp8: ConfigFormat = { ...format, match: (fileName, root) => placeOfMethod(fileName, root, METHODS, shaped) };

function shaped(config: JsonObject): boolean {
  const has = (key: string): boolean => Object.hasOwn(config, key);
  return has('weight_block_size') || (has('activation_scheme') && !has('quant_algo') && !has('config_groups'));
}

function recipeOf(fields: Fields): Recipe | null {
  const ignore = notConverted(fields.texts('ignored_layers'));
  if (fields.text('quant_method') === 'mxfp8') {
    const weights = { dtype: 'mxfp8', bits: 8, groupSize: 32 } as const;
    const activations: ActivationRecipe = { dtype: 'mxfp8', bits: 8, symmetric: true, granularity: 'group', dynamic: true };
    return { ...baseRecipe('hf-fp8', 'fp8', ['mxfp8'], weights), variant: 'mxfp8', activations, computeMethod: 'activate_quant', ignore };
  }
  const block = blockOf(fields);
  const dynamic = fields.text('activation_scheme') !== 'static';
  return block === undefined
    ? null
    : {
        ...baseRecipe('hf-fp8', 'fp8', ['fp8'], { dtype: 'fp8_e4m3', bits: 8, block }),
        variant: fields.text('quant_method'),
        activations: { dtype: 'fp8_e4m3', bits: 8, symmetric: true, granularity: block !== null ? 'group' : dynamic ? 'per_token' : 'per_tensor', dynamic },
        computeMethod: 'activate_quant',
        ignore,
        kvCache: fields.value['kv_cache_scheme']
          ? { dtype: 'fp8_e4m3', bits: 8, method: null, symmetric: true, strategy: 'per_tensor', groupSize: null }
          : null,
      };
}

/** Undefined: not to be read. AutoFP8's files (static, or with vLLM's ignored_layers) leave the size out and mean one scale a tensor. */
function blockOf(fields: Fields): readonly [number, number] | null | undefined {
  const written = fields.value['weight_block_size'];
  if (written === undefined) {
    return fields.text('activation_scheme') === 'static' || Array.isArray(fields.value['ignored_layers']) ? null : [128, 128];
  }
  if (written === null) {
    return null;
  }
  const [rows, columns, ...more]: readonly unknown[] = Array.isArray(written) ? written : [];
  const sound = isSize(rows) && isSize(columns) && more.length === 0;
  return sound ? [rows, columns] : undefined;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function staticBlocks(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const at = [...path, 'activation_scheme'];
  return fields.text('activation_scheme') === 'static' && Array.isArray(fields.value['weight_block_size'])
    ? [
        {
          code: 'QC013',
          severity: 'warning',
          path: at,
          on: 'value',
          message: 'activation_scheme is "static" beside weight_block_size; vLLM takes blocks with dynamic activations only and refuses this pair.',
          source: VLLM,
          fixes: [setFix(at, 'dynamic')],
        },
      ]
    : [];
}

/** transformers passes over vLLM's spelling and then quantizes what was to stay. */
function unreadSkips(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const at = [...path, 'ignored_layers'];
  return fields.texts('ignored_layers').length > 0 && !Object.hasOwn(fields.value, 'modules_to_not_convert')
    ? [
        {
          code: 'QC012',
          severity: 'hint',
          path: at,
          message: 'ignored_layers is the name vLLM reads; transformers reads modules_to_not_convert, which vLLM reads too.',
          source: VLLM,
          fixes: [renameFix(at, 'modules_to_not_convert')],
        },
      ]
    : [];
}
