// auto-round writes its checkpoints in the packing of GPTQ or AWQ when asked to; then other tools can read them by those names.
// Source: intel/auto-round, packing_format (config-formats section 9).
import { isObject, type JsonObject } from '../configs/fields.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Converter, Source } from './conversion.ts';

export const autoRoundAsGptq: Converter = {
  id: 'auto-round-gptq',
  title: 'Name it GPTQ, whose packing it has',
  convert(source) {
    const { recipe } = source;
    return packedAs(source, 'gptq') ? { destination: { kind: 'in-place' }, value: gptqSettings(recipe, source.value), carried: CARRIED } : null;
  },
};

export const autoRoundAsAwq: Converter = {
  id: 'auto-round-awq',
  title: 'Name it AWQ, whose packing it has',
  convert(source) {
    const { recipe } = source;
    return packedAs(source, 'awq') && recipe.weights.bits === 4
      ? { destination: { kind: 'in-place' }, value: awqSettings(recipe, source.value), carried: CARRIED }
      : null;
  },
};

/** What the packing says, and what only tells how the rounding was found. */
const CARRIED = [
  'packing_format',
  'data_type',
  'extra_config',
  'backend',
  'iters',
  'lr',
  'minmax_lr',
  'nsamples',
  'seqlen',
  'batch_size',
  'amp',
  'scale_dtype',
];

function packedAs({ recipe, value }: Source, packing: 'gptq' | 'awq'): boolean {
  const said = value['packing_format'];
  return recipe.scheme === 'auto-round' && typeof said === 'string' && said.split(':').includes(`auto_${packing}`);
}

function gptqSettings({ weights, trueSequential }: Recipe, value: JsonObject): JsonObject {
  const entries = modules(value).map(({ module, settings }): readonly [string, JsonObject] =>
    full(settings) ? [`-:${quoted(module)}`, {}] : [quoted(module), own(settings)],
  );
  return {
    quant_method: 'gptq',
    bits: weights.bits,
    group_size: weights.groupSize,
    desc_act: false,
    sym: weights.symmetric,
    true_sequential: trueSequential,
    checkpoint_format: 'gptq',
    ...(entries.length === 0 ? {} : { dynamic: Object.fromEntries(entries) }),
  };
}

function awqSettings({ weights }: Recipe, value: JsonObject): JsonObject {
  const left = modules(value).flatMap(({ module, settings }) => (full(settings) ? [module] : []));
  return {
    quant_method: 'awq',
    bits: weights.bits,
    group_size: weights.groupSize,
    zero_point: !weights.symmetric,
    version: 'gemm',
    modules_to_not_convert: left.length === 0 ? null : left,
  };
}

function modules(value: JsonObject): readonly { readonly module: string; readonly settings: JsonObject }[] {
  const extra = value['extra_config'];
  return isObject(extra) ? Object.entries(extra).flatMap(([module, settings]) => (isObject(settings) ? [{ module, settings }] : [])) : [];
}

/** 16 bits and more: the module is not quantized. */
function full({ bits }: JsonObject): boolean {
  return typeof bits === 'number' && bits >= 16;
}

function own(settings: JsonObject): JsonObject {
  return Object.fromEntries(['bits', 'group_size', 'sym'].flatMap((key) => (Object.hasOwn(settings, key) ? [[key, settings[key]] as const] : [])));
}

/** The module's whole name as a pattern. */
function quoted(module: string): string {
  return `${module.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`;
}
