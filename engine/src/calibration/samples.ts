// The token sequences that a method is calibrated on, cut from the tokens of its text. Deterministic: the same text, settings and seed give the same sequences.
import { EngineError } from '../errors.ts';

export interface SampleOptions {
  /** Sequences that are wanted. */
  readonly samples: number;
  /** Tokens of one. */
  readonly sequenceLength: number;
  /** Positions that the model has. */
  readonly contextLength: number;
  /** Draws places of the text at random; null or left out: spread evenly over it. */
  readonly seed?: number | null;
}

export interface CalibrationSamples {
  readonly sequences: readonly Int32Array[];
  /** What differs from what was asked for, for people. */
  readonly warnings: readonly string[];
}

/** Fewer tokens say nothing about how inputs hang together. */
export const fewestTokens = 16;

/** Throws kind `input` for a text with too few tokens, saying how many it has and how many are wanted. `name`: of the text, for messages. */
export function requireTokens(ids: Int32Array, { samples, sequenceLength }: SampleOptions, name: string): void {
  if (ids.length >= fewestTokens) return;
  throw new EngineError(
    'input',
    `${name} has ${ids.length} tokens, too few to calibrate with: at least ${fewestTokens} are needed, and ${samples * sequenceLength} are wanted ` +
      `(${samples} sequences of ${sequenceLength}); give a text of some thousand words`,
    { file: name },
  );
}

/** Sequences without overlap. `name`: of the text, for warnings. */
export function cutSamples(ids: Int32Array, { samples, sequenceLength, contextLength, seed = null }: SampleOptions, name: string): CalibrationSamples {
  const warnings: string[] = [];
  const fitting = Math.min(sequenceLength, contextLength);
  if (fitting < sequenceLength) warnings.push(`calibration sequences are cut from ${sequenceLength} to the ${contextLength} positions of the model`);
  const length = Math.min(fitting, ids.length);
  const possible = Math.floor(ids.length / length);
  const count = Math.min(samples, possible);
  if (count < samples)
    warnings.push(
      `${name} has ${ids.length} tokens and gives ${count} of ${samples} calibration sequences of ${length} tokens; a longer text makes the result more general`,
    );
  const places = seed === null ? Array.from({ length: count }, (_, index) => Math.floor((index * possible) / count)) : drawn(possible, count, seed);
  // Drawn sequences need not begin at multiples of their length: what is left over at the end moves all of them.
  const shift = seed === null ? 0 : Math.floor(uniform(seed ^ 0x5bd1e995)() * (ids.length - possible * length + 1));
  return { sequences: places.map((place) => ids.slice(shift + place * length, shift + (place + 1) * length)), warnings };
}

/** `count` different numbers below `possible` (Fisher and Yates, as far as it is needed). */
function drawn(possible: number, count: number, seed: number): readonly number[] {
  const numbers = Int32Array.from({ length: possible }, (_, index) => index);
  const random = uniform(seed);
  for (let at = 0; at < count; at++) {
    const other = at + Math.floor(random() * (possible - at));
    const value = numbers[other] ?? 0;
    numbers[other] = numbers[at] ?? 0;
    numbers[at] = value;
  }
  return [...numbers.subarray(0, count)];
}

/** mulberry32: 0 <= value < 1. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
