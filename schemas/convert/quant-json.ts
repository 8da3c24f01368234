// Any recipe that our engine's config can express -> a *.quant.json that makes such a model anew.
import { disabledSections } from '../configs/deepspeed/groups.ts';
import type { JsonObject } from '../configs/fields.ts';
import { LLM_INT8_THRESHOLD } from '../configs/quantwright/activation-methods.ts';
import { findFormat } from '../configs/registry.ts';
import { weightFormatName } from '../configs/weight-format.ts';
import type { ActivationRecipe, ModuleOverride, QuantMethod, Recipe, SaveFormat, WeightRecipe } from '../recipe/recipe.ts';
import type { Converter, Source } from './conversion.ts';
import { tidy } from './names.ts';

const SCALE_NAMES = { f16: 'float16', bf16: 'bfloat16', f32: 'float32' } as const;

export const quantJson: Converter = {
  id: 'quant-json',
  title: 'Convert to a Quantwright recipe (*.quant.json)',
  convert(source) {
    const { recipe, format } = source;
    if (format.id === 'quantwright' || !expressible(recipe)) {
      return null;
    }
    // A customized config of DashInfer is one of ours already, but for the key that nothing reads.
    const value = format.id === 'dashinfer' ? withoutUnused(source.value) : quantSettings(source);
    return { destination: { kind: 'file', name: `${recipeName(recipe)}.quant.json` }, value, carried: carriedOf(source, value) };
  },
};

/** Said by the method and its options; the twins that saving writes; and settings of 4-bit weights, which 8-bit ones do not have. */
const BITSANDBYTES_KEYS: readonly string[] = [
  'llm_int8_threshold',
  '_load_in_8bit',
  'bnb_4bit_compute_dtype',
  'bnb_4bit_quant_storage',
  'bnb_4bit_quant_type',
  'bnb_4bit_use_double_quant',
];

/** Sections of DeepSpeed's that are off say nothing. */
function carriedOf({ format, value: from }: Source, value: JsonObject): readonly string[] {
  if (format.id === 'hf-bitsandbytes') return BITSANDBYTES_KEYS;
  return format.id === 'deepspeed' ? disabledSections(from) : format.id === 'dashinfer' ? Object.keys(value) : [];
}

/** Integer codes of 1, 2, 3, 4, 6 or 8 bits, or fp8, by a method that the config can name, in rows and groups. */
function expressible({ methods, weights, overrides }: Recipe): boolean {
  const named = findFormat('quantwright')?.schema.properties?.['quant_method']?.items?.enum ?? [];
  return (
    methods.length > 0 &&
    methods.every((method) => named.includes(method) || RENAMED[method] !== undefined) &&
    (weights.block ?? null) === null &&
    [weights, ...overrides.map((override) => ({ ...weights, ...override.weights }))].every(writable)
  );
}

function writable({ dtype, bits }: WeightRecipe): boolean {
  return dtype === 'fp8_e4m3' || (dtype === 'int' && [1, 2, 3, 4, 6, 8].includes(bits));
}

/** Methods of other tools whose rounding is one of ours: fp8 is plain rounding to the nearest code. */
const RENAMED: Readonly<Partial<Record<QuantMethod, QuantMethod>>> = { fp8: 'rtn' };

function quantSettings({ recipe, origins }: Source): JsonObject {
  const { weights, ignore, overrides } = recipe;
  const methods = methodsOf(recipe);
  const saveFormat = saved(recipe);
  return {
    quant_method: methods.length === 1 ? methods[0] : methods,
    weight_format: formatName(weights),
    group_size: weights.groupSize,
    ...computing(recipe, methods),
    ...outlierSettings(recipe.activations),
    ...staticSettings(recipe),
    ...smoothingSettings(recipe),
    ...(recipe.zeroquant === undefined ? {} : { zeroquant: { quantize_groups: recipe.zeroquant.quantizeGroups } }),
    ...(saveFormat === null ? {} : { save_format: saveFormat }),
    ...(recipe.scaleType === (recipe.zeroquant === undefined ? 'f16' : 'f32') ? {} : { scale_type: SCALE_NAMES[recipe.scaleType] }),
    ...(weights.descAct ? { desc_act: true } : {}),
    ...(weights.staticGroups ? { static_groups: true } : {}),
    ...(methods.includes('gptq') ? { true_sequential: recipe.trueSequential } : {}),
    ...(origins.dampPercent?.present === true ? { damp_percent: recipe.dampPercent } : {}),
    ...(recipe.calibration === null ? {} : { calibration: calibration(recipe.calibration) }),
    ...(ignore.length === 0 ? {} : { ignore: ignore.map(tidy) }),
    ...(recipe.lmHead === true ? { lm_head: true } : {}),
    ...(overrides.length === 0 ? {} : { overrides: Object.fromEntries(overrides.map((one) => [tidy(one.pattern), override(weights, one)])) }),
  };
}

/** What activations do, where that is not the default of the method: those of `ACTIVATING` quantize them. */
function computing({ computeMethod, activations, w8a8Static }: Recipe, methods: readonly QuantMethod[]): JsonObject {
  if (w8a8Static !== undefined) return {};
  const byDefault = methods.every((method) => ACTIVATING.includes(method));
  if (activations === null || computeMethod === 'weight_only') return byDefault ? { compute_method: 'weight_only' } : {};
  const said = (activations.dtype ?? 'int') === 'int' ? activationSettings(activations, methods) : {};
  if (Object.keys(said).length > 0) return { activations: said };
  return methods.includes('zeroquant') ? {} : { compute_method: 'activate_quant' };
}

const ACTIVATING: readonly QuantMethod[] = ['smoothquant', 'llm_int8', 'zeroquant', 'w8a8_static'];

/** Plain rounding with calibrated scales of activations has a name of its own here. */
function methodsOf({ methods, activations }: Recipe): readonly QuantMethod[] {
  const calibrated = activations !== null && !activations.dynamic && (activations.dtype ?? 'int') === 'int';
  return methods.map((method) => (method === 'rtn' && calibrated ? 'w8a8_static' : (RENAMED[method] ?? method)));
}

function outlierSettings(activations: ActivationRecipe | null): JsonObject {
  const threshold = activations?.rule === 'llm_int8' ? activations.threshold : undefined;
  return threshold === undefined || threshold === LLM_INT8_THRESHOLD ? {} : { llm_int8: { threshold } };
}

/** Beside one scale for 8-bit codes with a zero point, found by the smallest and the largest value. */
function staticSettings({ w8a8Static, activations }: Recipe): JsonObject {
  if (w8a8Static === undefined || activations === null) return {};
  const { observer, percentile, momentum, bins } = w8a8Static;
  const codes = { ...(activations.bits === 8 ? {} : { bits: activations.bits }), ...(activations.symmetric ? { symmetric: true } : {}) };
  const options = {
    observer,
    ...(observer === 'percentile' ? { percentile } : {}),
    ...(observer === 'moving_average' ? { momentum } : {}),
    ...(observer === 'percentile' || observer === 'kl' ? { bins } : {}),
  };
  return { ...(Object.keys(codes).length === 0 ? {} : { activations: codes }), ...(observer === 'minmax' ? {} : { w8a8_static: options }) };
}

function smoothingSettings({ smoothquant }: Recipe): JsonObject {
  return smoothquant === undefined || (smoothquant.alpha === 0.5 && smoothquant.alphas === undefined) ? {} : { smoothquant: { ...smoothquant } };
}

/** Beside 8 bits around 0 for every token, or with w8a8_static a range of 8 bits for the tensor. */
function activationSettings({ bits, symmetric, dynamic, granularity }: ActivationRecipe, methods: readonly QuantMethod[]): JsonObject {
  const calibrated = methods.includes('w8a8_static');
  return {
    ...(bits === 8 ? {} : { bits }),
    ...(symmetric === !calibrated ? {} : { symmetric }),
    ...(granularity === (dynamic ? 'per_token' : 'per_tensor') ? {} : { granularity }),
    ...(dynamic === !calibrated ? {} : { dynamic }),
  };
}

/** Where the layout of the source is one that we write, the new job writes it too. */
function saved({ saveFormat, scheme, activations }: Recipe): SaveFormat | null {
  const written = activations?.rule === 'llm_int8' && scheme === 'bitsandbytes' ? 'bitsandbytes' : null;
  return saveFormat ?? (scheme === 'compressed-tensors' ? 'compressed-tensors' : written);
}

/** Signed codes are symmetric and unsigned ones have a zero point: the two spellings that need no further key. */
function formatName(weights: WeightRecipe): string {
  return weights.dtype === 'int'
    ? weightFormatName({ dtype: 'int', bits: weights.bits, signed: weights.symmetric && weights.bits > 1 })
    : weightFormatName(weights);
}

function override(base: WeightRecipe, { weights: own, activations }: ModuleOverride): JsonObject {
  const merged = { ...base, ...own };
  return {
    ...(own.bits === undefined && own.dtype === undefined && own.symmetric === undefined ? {} : { weight_format: formatName(merged) }),
    ...(own.groupSize === undefined ? {} : { group_size: own.groupSize }),
    ...(own.symmetric === undefined ? {} : { symmetric: merged.symmetric }),
    ...(activations === undefined ? {} : { activations: activations === null ? null : { bits: activations.bits, symmetric: activations.symmetric } }),
  };
}

function calibration({ dataset, samples, sequenceLength }: NonNullable<Recipe['calibration']>): JsonObject {
  return { ...(dataset === null ? {} : { dataset }), samples, sequence_length: sequenceLength };
}

/** gptq-int4-g128, instant_quant-uint4-channel ... */
function recipeName({ methods, weights }: Recipe): string {
  return `${methods.join('-')}-${formatName(weights)}-${weights.groupSize === -1 ? 'channel' : `g${weights.groupSize}`}`;
}

function withoutUnused(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'activate_format'));
}
