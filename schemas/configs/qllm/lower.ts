// Settings of QLLM -> Recipe, and the combinations that its run refuses.
// Source: wejoncy/QLLM qllm/auto_model_quantization.py :: AutoModelQuantization.run, README.md.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { setFix } from '../fixes.ts';

export const PACK_MODES = ['AUTO', 'GPTQ', 'GEMM', 'MARLIN', 'ORT', 'HQQ'] as const;
const METHODS = ['gptq', 'awq', 'hqq', 'vptq'] as const;
const RUN = 'wejoncy/QLLM qllm/auto_model_quantization.py :: AutoModelQuantization.run';
const README = 'wejoncy/QLLM README.md';

export function lowerQllm(value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  fields.origin('methods', 'quant_method');
  fields.origin('scheme', 'quant_method');
  for (const field of ['weights', 'weights.bits', 'weights.dtype'] as const) {
    fields.origin(field, 'wbits', 'bits');
  }
  fields.origin('weights.groupSize', 'groupsize', 'group_size');
  fields.origin('weights.symmetric', 'sym');
  fields.origin('weights.descAct', 'act_order', 'desc_act');
  fields.origin('variant', 'pack_mode', 'version');
  fields.origin('dampPercent', 'percdamp', 'damp_percent');
  fields.origin('calibration', 'dataset', 'nsamples');
  return { recipe: recipeOf(fields), origins: fields.origins(), problems: [...mixedBits(fields, path), ...order(fields, path)] };
}

/** Null: 16 bits (nothing is quantized), VPTQ (its settings are in another file), or what cannot be read. */
function recipeOf(fields: Fields): Recipe | null {
  const method = methodOf(fields);
  const bits = firstOf(fields, 'wbits', 'bits', 4);
  const groupSize = firstOf(fields, 'groupsize', 'group_size', 128);
  if (method === null || method === 'vptq' || bits === null || bits < 2 || bits > 8 || groupSize === null || groupSize === 0 || groupSize < -1) {
    return null;
  }
  const symmetric = fields.boolean('sym') ?? false;
  const gptq = method === 'gptq';
  const isRun = !Object.hasOwn(fields.value, 'bits');
  return {
    ...baseRecipe('qllm', 'qllm', [method], {
      bits,
      groupSize,
      symmetric,
      signed: false,
      zeroPoint: symmetric ? 'none' : method === 'hqq' ? 'float' : 'integer',
      descAct: gptq && ordered(fields),
      staticGroups: gptq && fields.boolean('static_groups') === true,
    }),
    variant: fields.text('pack_mode') ?? fields.text('version'),
    dampPercent: fields.number('percdamp') ?? fields.number('damp_percent') ?? 0.01,
    trueSequential: fields.boolean('true_sequential') ?? false,
    // HQQ has no samples, and AWQ takes 64 at most.
    calibration: gptq && isRun ? { dataset: fields.text('dataset') ?? 'wikitext2', samples: fields.integer('nsamples') ?? 128, sequenceLength: 2048 } : null,
  };
}

function methodOf(fields: Fields): (typeof METHODS)[number] | null {
  const method = fields.oneOf('quant_method', METHODS);
  return method ?? (Object.hasOwn(fields.value, 'quant_method') ? null : 'gptq');
}

function firstOf(fields: Fields, ofRun: string, written: string, usual: number): number | null {
  const key = Object.hasOwn(fields.value, ofRun) ? ofRun : written;
  return fields.integer(key) ?? (Object.hasOwn(fields.value, key) ? null : usual);
}

function ordered(fields: Fields): boolean {
  return fields.boolean(Object.hasOwn(fields.value, 'act_order') ? 'act_order' : 'desc_act') === true;
}

function mixedBits(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  if (fields.boolean('allow_mix_bits') !== true) {
    return [];
  }
  const at = [...path, 'allow_mix_bits'];
  const off = setFix(at, false);
  const method = methodOf(fields);
  if (method !== null && method !== 'gptq') {
    const message = `allow_mix_bits is for gptq, and the method is ${method}. QLLM stops: "only gptq support allow_mix_bits mode".`;
    return [{ code: 'QC013', path: at, message, source: RUN, fixes: [off] }];
  }
  const mode = fields.text('pack_mode');
  if (mode !== null && mode !== 'AUTO' && mode !== 'GPTQ' && PACK_MODES.some((one) => one === mode)) {
    const message = `Mixed bits have no place in the layout ${mode}. QLLM stops: "allow_mix_bits only support GPTQ packing mode".`;
    return [{ code: 'QC013', path: at, message, source: RUN, fixes: [setFix([...path, 'pack_mode'], 'GPTQ'), { ...off, preferred: false }] }];
  }
  const message = 'vLLM does not load what allow_mix_bits makes; QLLM itself does, with quant_config_by_layer.json beside it.';
  return [{ code: 'QC017', path: at, severity: 'information', message, source: README, fixes: [off] }];
}

/** AWQ's layout has no index of groups. */
function order(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const key = Object.hasOwn(fields.value, 'pack_mode') ? 'pack_mode' : 'version';
  if (methodOf(fields) !== 'gptq' || !ordered(fields) || fields.text(key) !== 'GEMM') {
    return [];
  }
  const name = Object.hasOwn(fields.value, 'act_order') ? 'act_order' : 'desc_act';
  const message = `GPTQ weights made with ${name} cannot be converted to AWQ's layout (GEMM), which has no index of groups.`;
  const fixes = key === 'pack_mode' ? [setFix([...path, 'pack_mode'], 'GPTQ'), { ...setFix([...path, name], false), preferred: false }] : [];
  return [{ code: 'QC009', path: [...path, name], message, source: README, fixes }];
}
