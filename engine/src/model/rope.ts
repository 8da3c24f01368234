// Rotary position embedding: the scaling that a config asks for -> one inverse frequency for each pair of head elements.
// Rounded to f32 step by step as transformers does (modeling_rope_utils), because at position 100,000 the last bits of a frequency show in the logits.

import { isJsonObject, type JsonObject } from '../checkpoint/json-file.ts';
import { spell } from '../checkpoint/spell.ts';
import { EngineError } from '../errors.ts';

export type RopeScaling =
  /** `dynamic` changes only sequences beyond the model's positions, which are refused here: within them it is this. */
  | { readonly type: 'default' }
  | { readonly type: 'linear'; readonly factor: number }
  /** Llama 3.1: low frequencies are divided by `factor`, high ones kept, those between blended by wavelength. */
  | { readonly type: 'llama3'; readonly factor: number; readonly lowFreqFactor: number; readonly highFreqFactor: number; readonly originalPositions: number }
  /** Frequencies that turn less than betaSlow times within the original positions are divided, those that turn more than betaFast kept (Peng et al., 2023). */
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly originalPositions: number;
      readonly truncate: boolean;
      readonly attentionFactor: number;
    }
  /** Phi-3: every frequency has a divisor of its own; those for short sequences, to which the context is limited here. */
  | { readonly type: 'longrope'; readonly shortFactor: readonly number[]; readonly originalPositions: number; readonly attentionFactor: number };

export interface RopeConfig {
  readonly theta: number;
  readonly scaling: RopeScaling;
  /** Leading elements of a head that are rotated; left out: all. */
  readonly rotatedDim?: number;
}

/**
 * `config`: config.json; reads `rope_parameters` (transformers 5, one set or one for each kind of layer) or `rope_theta` and `rope_scaling`.
 * Throws kind `checkpoint`, naming a scaling that cannot run.
 */
export function parseRope(config: JsonObject, maxPositions: number, file: string, layerType = 'full_attention'): RopeConfig {
  const nested = parametersOf(config, layerType);
  const scaling = nested ?? (isJsonObject(config['rope_scaling']) ? config['rope_scaling'] : {});
  const theta = positive(nested?.['rope_theta'] ?? config['rope_theta'] ?? 10_000, 'rope_theta', file);
  if ((nested?.['partial_rotary_factor'] ?? config['partial_rotary_factor'] ?? 1) !== 1) {
    throw new EngineError('checkpoint', `${file}: partial_rotary_factor other than 1 cannot run here`, { file });
  }
  return { theta, scaling: parseScaling(scaling, maxPositions, file) };
}

/** The unscaled rotation of a kind of layers: theta of its `rope_parameters`, else `theta`. */
export function ropeOfTheta(config: JsonObject, layerType: string, theta: unknown, file: string): RopeConfig {
  return { theta: positive(parametersOf(config, layerType)?.['rope_theta'] ?? theta, 'rope_theta', file), scaling: { type: 'default' } };
}

/** Of models that rotate a part of each head: `partial_rotary_factor` of it, rounded down to an even number (GPT-NeoX: rotary_pct). */
export function parsePartialRope(config: JsonObject, shape: { readonly headDim: number; readonly maxPositions: number }, file: string): RopeConfig {
  const nested = parametersOf(config, 'full_attention');
  const factor = positive(nested?.['partial_rotary_factor'] ?? config['partial_rotary_factor'] ?? 1, 'partial_rotary_factor', file);
  const rotatedDim = Math.floor(shape.headDim * factor);
  if (rotatedDim < 2 || rotatedDim % 2 !== 0 || rotatedDim > shape.headDim)
    throw new EngineError(
      'checkpoint',
      `${file}: ${factor} of a head of ${shape.headDim} is ${rotatedDim} elements; rotary embedding needs an even number of them`,
      { file },
    );
  const whole = { ...config, partial_rotary_factor: 1, ...(nested === null ? {} : { rope_parameters: { ...nested, partial_rotary_factor: 1 } }) };
  return { ...parseRope(whole, shape.maxPositions, file), rotatedDim };
}

function parametersOf(config: JsonObject, layerType: string): JsonObject | null {
  const all = isJsonObject(config['rope_parameters']) ? config['rope_parameters'] : null;
  const own = all?.[layerType];
  return isJsonObject(own) ? own : all;
}

/** f32 [headDim / 2]. */
export function inverseFrequency(rope: RopeConfig, headDim: number): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: headDim / 2 }, (_, pair) => {
    const frequency = f(1 / f(rope.theta ** f((2 * pair) / headDim)));
    return scaled(frequency, rope.scaling, pair, yarnRange(rope, headDim));
  });
}

/** Cosines and sines are multiplied by it. */
export function attentionFactor({ scaling }: RopeConfig): number {
  return scaling.type === 'yarn' || scaling.type === 'longrope' ? Math.fround(scaling.attentionFactor) : 1;
}

/** Tokens for which the frequencies are right, where that is less than the model's positions. */
export function ropeLimit({ scaling }: RopeConfig): number {
  return scaling.type === 'longrope' ? scaling.originalPositions : Number.POSITIVE_INFINITY;
}

/** Pairs between which yarn blends: transformers modeling_rope_utils.py :: find_correction_range. */
function yarnRange({ theta, scaling }: RopeConfig, headDim: number): readonly [number, number] {
  if (scaling.type !== 'yarn') return [0, 0];
  const pair = (turns: number): number => (headDim * Math.log(scaling.originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [low, high] = [pair(scaling.betaFast), pair(scaling.betaSlow)];
  const [first, last] = scaling.truncate ? [Math.floor(low), Math.ceil(high)] : [low, high];
  return [Math.max(first, 0), Math.min(last, headDim - 1)];
}

function scaled(frequency: number, scaling: RopeScaling, pair: number, [low, high]: readonly [number, number]): number {
  const f = Math.fround;
  if (scaling.type === 'default') return frequency;
  if (scaling.type === 'longrope') return f(frequency / (scaling.shortFactor[pair] ?? 1));
  if (scaling.type === 'yarn') {
    // A range without width would divide by nothing: the reference widens it by 0.001.
    const ramp = Math.min(1, Math.max(0, (pair - low) / (high === low ? 0.001 : high - low)));
    const kept = f(1 - f(ramp));
    return f(f(f(frequency / scaling.factor) * f(1 - kept)) + f(frequency * kept));
  }
  if (scaling.type === 'linear') return f(frequency / scaling.factor);
  const { factor, lowFreqFactor, highFreqFactor, originalPositions } = scaling;
  const wavelength = f((2 * Math.PI) / frequency);
  if (wavelength > originalPositions / lowFreqFactor) return f(frequency / factor);
  if (wavelength < originalPositions / highFreqFactor) return frequency;
  const smooth = f(f(f(originalPositions / wavelength) - lowFreqFactor) / (highFreqFactor - lowFreqFactor));
  return f(f(f(f(1 - smooth) * frequency) / factor) + f(smooth * frequency));
}

function parseScaling(scaling: JsonObject, maxPositions: number, file: string): RopeScaling {
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  if (type === 'default' || type === 'dynamic') return { type: 'default' };
  if (type === 'linear') return { type, factor: positive(scaling['factor'], 'rope scaling factor', file) };
  if (type === 'llama3') {
    const parsed = {
      type,
      factor: positive(scaling['factor'], 'rope scaling factor', file),
      lowFreqFactor: positive(scaling['low_freq_factor'], 'low_freq_factor', file),
      highFreqFactor: positive(scaling['high_freq_factor'], 'high_freq_factor', file),
      originalPositions: positive(scaling['original_max_position_embeddings'] ?? maxPositions, 'original_max_position_embeddings', file),
    } as const;
    if (parsed.highFreqFactor === parsed.lowFreqFactor)
      throw new EngineError('checkpoint', `${file}: low_freq_factor and high_freq_factor must differ`, { file });
    return parsed;
  }
  if (type === 'yarn') return parseYarn(scaling, maxPositions, file);
  if (type === 'longrope') return parseLongrope(scaling, maxPositions, file);
  throw new EngineError('checkpoint', `${file}: rope scaling ${spell(type)} cannot run here; default, linear, dynamic, llama3, yarn and longrope can`, {
    file,
  });
}

/** transformers modeling_rope_utils.py :: _compute_yarn_parameters */
function parseYarn(scaling: JsonObject, maxPositions: number, file: string): RopeScaling {
  const originalPositions = positive(scaling['original_max_position_embeddings'] ?? maxPositions, 'original_max_position_embeddings', file);
  const factor = positive(scaling['factor'] ?? maxPositions / originalPositions, 'rope scaling factor', file);
  const scale = (by: unknown): number => (factor <= 1 ? 1 : 0.1 * (typeof by === 'number' ? by : 1) * Math.log(factor) + 1);
  const { mscale, mscale_all_dim: all } = scaling;
  const named = typeof mscale === 'number' && typeof all === 'number' && mscale !== 0 && all !== 0 ? scale(mscale) / scale(all) : scale(1);
  return {
    type: 'yarn',
    factor,
    originalPositions,
    betaFast: positive(scaling['beta_fast'] ?? 32, 'beta_fast', file),
    betaSlow: positive(scaling['beta_slow'] ?? 1, 'beta_slow', file),
    truncate: scaling['truncate'] !== false,
    attentionFactor: positive(scaling['attention_factor'] ?? named, 'attention_factor', file),
  };
}

/** transformers modeling_rope_utils.py :: _compute_longrope_parameters */
function parseLongrope(scaling: JsonObject, maxPositions: number, file: string): RopeScaling {
  const originalPositions = positive(scaling['original_max_position_embeddings'] ?? maxPositions, 'original_max_position_embeddings', file);
  const list = scaling['short_factor'];
  if (!Array.isArray(list) || !list.every((one): one is number => typeof one === 'number' && one > 0))
    throw new EngineError('checkpoint', `${file}: short_factor must be a list of positive numbers`, { file });
  const factor = maxPositions / originalPositions;
  const named = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalPositions));
  return { type: 'longrope', shortFactor: list, originalPositions, attentionFactor: positive(scaling['attention_factor'] ?? named, 'attention_factor', file) };
}

function positive(value: unknown, key: string, file: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new EngineError('checkpoint', `${file}: ${key} is ${spell(value)}; it must be a positive number`, { file });
}
