// Rotary position embedding: the scaling that a config asks for -> one inverse frequency for each pair of head elements.
// Rounded to f32 step by step as transformers does (modeling_rope_utils), because at position 100,000 the last bits of a frequency show in the logits.

import { isJsonObject, type JsonObject } from '../checkpoint/json-file.ts';
import { spell } from '../checkpoint/spell.ts';
import { EngineError } from '../errors.ts';

export type RopeScaling =
  | { readonly type: 'default' }
  | { readonly type: 'linear'; readonly factor: number }
  /** Llama 3.1: low frequencies are divided by `factor`, high ones kept, those between blended by wavelength. */
  | { readonly type: 'llama3'; readonly factor: number; readonly lowFreqFactor: number; readonly highFreqFactor: number; readonly originalPositions: number };

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
  if (Number(nested?.['partial_rotary_factor'] ?? config['partial_rotary_factor'] ?? 1) !== 1) {
    throw new EngineError('checkpoint', `${file}: partial_rotary_factor other than 1 cannot run here`, { file });
  }
  return { theta, scaling: parseScaling(scaling, maxPositions, file) };
}

/** The unscaled rotation of a kind of layers: theta of its `rope_parameters`, else `theta`. */
export function ropeOfTheta(config: JsonObject, layerType: string, theta: number, file: string): RopeConfig {
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
    return scaled(frequency, rope.scaling);
  });
}

function scaled(frequency: number, scaling: RopeScaling): number {
  const f = Math.fround;
  if (scaling.type === 'default') return frequency;
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
  if (type === 'default') return { type };
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
  throw new EngineError('checkpoint', `${file}: rope scaling ${spell(type)} cannot run here; default, linear and llama3 can`, { file });
}

function positive(value: unknown, key: string, file: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new EngineError('checkpoint', `${file}: ${key} is ${spell(value)}; it must be a positive number`, { file });
}
