// Logits -> the next token. Order as in transformers' logits processors: repetition penalty, temperature, top-k, top-p, min-p.
// Repeatable: the same seed and logits give the same tokens on every machine.
import type { Sampling } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../errors.ts';

export interface Sampler {
  /** `history`: every id so far, prompt included (for the repetition penalty). `logits` may be changed. Throws kind `internal` when no logit is finite. */
  next(logits: Float32Array, history: readonly number[]): number;
}

/** Throws kind `input` for values outside their range, naming them. */
export function createSampler(options: Sampling): Sampler {
  const { temperature = 0, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1, seed = 0 } = options;
  check('temperature', temperature, temperature >= 0 && temperature <= 100, '0 (greedy) to 100');
  check('topK', topK, Number.isSafeInteger(topK) && topK >= 0, 'an integer from 0 (off)');
  check('topP', topP, topP > 0 && topP <= 1, 'above 0, up to 1 (off)');
  check('minP', minP, minP >= 0 && minP <= 1, '0 (off) to 1');
  check('repetitionPenalty', repetitionPenalty, repetitionPenalty > 0 && repetitionPenalty <= 100, 'above 0; 1 is off');
  check('seed', seed, Number.isSafeInteger(seed), 'an integer');
  const random = randomSource(seed);
  return {
    next: (logits, history) => {
      if (repetitionPenalty !== 1) penalize(logits, history, repetitionPenalty);
      const best = argmax(logits);
      if (temperature === 0) return best;
      return draw(candidates(logits, logits[best] ?? 0, { temperature, topK, topP, minP }), random());
    },
  };
}

/** First index of the largest value. Throws kind `internal` when no value is a number, or the largest is infinite. */
export function argmax(logits: Float32Array): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index++) {
    const value = logits[index] ?? Number.NaN;
    if (value > largest) {
      largest = value;
      best = index;
    }
  }
  if (!Number.isFinite(largest)) throw new EngineError('internal', 'the model produced no finite logit; its weights or scales hold NaN or infinity');
  return best;
}

interface Candidate {
  readonly id: number;
  /** Not normalised; the most likely has 1. */
  readonly weight: number;
}

interface Filters {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/** What may be drawn, most likely first (equal ones by id, so that the result does not depend on the sort). */
function candidates(logits: Float32Array, largest: number, { temperature, topK, topP, minP }: Filters): Candidate[] {
  let kept: Candidate[] = [];
  for (let id = 0; id < logits.length; id++) {
    const weight = Math.exp(((logits[id] ?? Number.NaN) - largest) / temperature);
    if (weight > 0) kept.push({ id, weight });
  }
  kept.sort((a, b) => b.weight - a.weight || a.id - b.id);
  if (topK > 0) kept = kept.slice(0, topK);
  if (topP < 1) {
    const total = sum(kept);
    let before = 0;
    // The one that crosses the threshold is kept.
    kept = kept.filter(({ weight }) => {
      const keep = before < topP * total;
      before += weight;
      return keep;
    });
  }
  // Probability at least minP times the largest, whose weight is 1.
  return minP > 0 ? kept.filter(({ weight }) => weight >= minP) : kept;
}

function draw(kept: readonly Candidate[], uniform: number): number {
  let left = uniform * sum(kept);
  for (const { id, weight } of kept) {
    left -= weight;
    if (left < 0) return id;
  }
  return kept.at(-1)?.id ?? 0;
}

function sum(kept: readonly Candidate[]): number {
  return kept.reduce((total, { weight }) => total + weight, 0);
}

/** Keskar et al. 2019 (CTRL), section 4.1, each seen token once. */
function penalize(logits: Float32Array, history: readonly number[], penalty: number): void {
  for (const id of new Set(history)) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit > 0 ? logit / penalty : logit * penalty;
  }
}

/** SplitMix32 (Steele, Lea and Flood 2014, 32-bit variant): uniform numbers in [0, 1), a new one each call. */
function randomSource(seed: number): () => number {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function check(name: string, value: number, valid: boolean, range: string): void {
  if (!valid) throw new EngineError('input', `sampling: ${name} is ${value}; it must be ${range}`);
}
