// Arguments of qllm-infer -> Recipe, and the switches that leave others without effect.
// Source: dnotitia/qllm-infer main.py :: main.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ActivationRecipe, Calibration, KvCacheRecipe, QuantMethod, Recipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { setFix } from '../fixes.ts';

const SOURCE = 'dnotitia/qllm-infer main.py :: main';
/** In the order in which main asks. */
const WAYS = ['zeroquant', 'lutgemm', 'gptq', 'spqr'] as const;
const OFF = 16;

export function lowerQllmInfer(value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  const way = WAYS.find((key) => fields.boolean(key) === true) ?? null;
  fields.origin('methods', ...(way === null ? [] : [way]), 'bits_w');
  fields.origin('scheme', 'bits_w');
  for (const field of ['weights', 'weights.bits', 'weights.dtype'] as const) {
    fields.origin(field, 'bits_w');
  }
  fields.origin('weights.groupSize', 'groupsize_w');
  fields.origin('weights.symmetric', 'sym_w');
  fields.origin('weights.descAct', 'gptq_act_order');
  fields.origin('activations', 'bits_a');
  fields.origin('computeMethod', 'bits_a');
  fields.origin('kvCache', fields.boolean('kivi') === true ? 'kivi' : 'kvquant', 'bits_k');
  fields.origin('dampPercent', 'gptq_percdamp');
  fields.origin('calibration', 'gptq_dataset', 'smoothquant_dataset');
  return { recipe: recipeOf(fields), origins: fields.origins(), problems: [...shadowed(fields, path), ...withoutWeights(fields, path)] };
}

/** Null: weights stay in floating point, another tool's file decides (ZeroQuant, bitsandbytes), or what cannot be read. */
function recipeOf(fields: Fields): Recipe | null {
  const bits = numberOf(fields, 'bits_w', 4);
  const groupSize = numberOf(fields, 'groupsize_w', -1);
  const elsewhere = fields.boolean('zeroquant') === true || fields.boolean('llm_int8') === true;
  if (elsewhere || bits === null || bits < 2 || bits >= OFF || groupSize === null || groupSize === 0 || groupSize < -1) {
    return null;
  }
  const symmetric = fields.boolean('sym_w') ?? false;
  const methods = methodsOf(fields);
  const gptq = methods.includes('gptq');
  const activations = activationsOf(fields);
  return {
    ...baseRecipe('qllm-infer', 'qllm-infer', methods, {
      bits,
      groupSize,
      symmetric,
      signed: symmetric,
      zeroPoint: symmetric ? 'none' : 'integer',
      descAct: gptq && fields.boolean('gptq_act_order') === true,
      staticGroups: gptq && fields.boolean('gptq_static_groups') === true,
    }),
    activations,
    computeMethod: activations === null ? 'weight_only' : 'activate_quant',
    dialect: methods.includes('rtn') ? 'qllm' : null,
    dampPercent: fields.number('gptq_percdamp') ?? 0.01,
    trueSequential: fields.boolean('gptq_true_sequential') ?? false,
    calibration: calibrationOf(fields, methods),
    kvCache: cacheOf(fields),
  };
}

function methodsOf(fields: Fields): readonly QuantMethod[] {
  const on = (key: string): boolean => fields.boolean(key) === true;
  const rounding: QuantMethod = on('lutgemm') ? 'bcq' : on('gptq') ? 'gptq' : on('spqr') ? 'spqr' : 'rtn';
  return [...(on('smoothquant') ? (['smoothquant'] as const) : []), rounding, ...(on('w_qrazor') ? (['qrazor'] as const) : [])];
}

function activationsOf(fields: Fields): ActivationRecipe | null {
  const bits = numberOf(fields, 'bits_a', OFF);
  if (bits === null || bits < 2 || bits >= OFF) {
    return null;
  }
  const grouped = (fields.integer('groupsize_a') ?? -1) > 0;
  const granularity = grouped ? 'group' : fields.boolean('a_per_tensor') === true ? 'per_tensor' : 'per_token';
  return { dtype: 'int', bits, symmetric: fields.boolean('sym_a') ?? false, granularity, dynamic: true };
}

function calibrationOf(fields: Fields, methods: readonly QuantMethod[]): Calibration | null {
  const from = methods.includes('gptq') || methods.includes('spqr') ? 'gptq' : methods.includes('smoothquant') ? 'smoothquant' : null;
  if (from === null) {
    return null;
  }
  const usual = from === 'gptq' ? { dataset: 'c4', samples: 128, length: 2048 } : { dataset: 'pile', samples: 512, length: 512 };
  return {
    dataset: fields.text(`${from}_dataset`) ?? usual.dataset,
    samples: fields.integer(`${from}_nsamples`) ?? usual.samples,
    sequenceLength: fields.integer(`${from}_seqlen`) ?? usual.length,
  };
}

/** Of KIVI the wider of keys and values counts. KVQuant comes last in main and replaces the model, so it wins. */
function cacheOf(fields: Fields): KvCacheRecipe | null {
  if (fields.boolean('kvquant') === true) {
    const dtype = fields.boolean('kvquant_nuq') === false ? 'int' : 'codebook';
    return { dtype, bits: fields.integer('kvquant_kv_bits') ?? 4, method: 'kvquant', symmetric: false, strategy: null, groupSize: null };
  }
  if (fields.boolean('kivi') === true) {
    const bits = Math.max(fields.integer('kivi_k_bits') ?? 4, fields.integer('kivi_v_bits') ?? 4);
    return { dtype: 'int', bits, method: 'kivi', symmetric: false, strategy: 'group', groupSize: fields.integer('kivi_group_size') ?? 32 };
  }
  return null;
}

function numberOf(fields: Fields, key: string, usual: number): number | null {
  return fields.integer(key) ?? (fields.broken(key, null) ? null : usual);
}

/** Of several ways to quantize the weights main takes the first. */
function shadowed(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const [first, ...rest] = WAYS.filter((key) => fields.boolean(key) === true);
  return rest.map((key) => ({
    code: 'QC013',
    path: [...path, key],
    severity: 'warning',
    message: `${key} is not run: ${first} is asked for too, comes first, and quantizes the weights alone. qllm-infer says nothing.`,
    source: SOURCE,
    fixes: [setFix([...path, key], false)],
  }));
}

/** 16 bits switch the quantization of weights off, whatever the method. ZeroQuant has bits of its own. */
function withoutWeights(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const way = WAYS.find((key) => fields.boolean(key) === true);
  if (way === undefined || way === 'zeroquant' || (fields.integer('bits_w') ?? 4) < OFF) {
    return [];
  }
  const message = `${way} is not run: bits_w ${fields.integer('bits_w')} leaves the weights in floating point. qllm-infer says nothing.`;
  const fixes = [setFix([...path, 'bits_w'], 4), { ...setFix([...path, way], false), preferred: false }];
  return [{ code: 'QC013', path: [...path, 'bits_w'], on: 'value', severity: 'warning', message, source: SOURCE, fixes }];
}
