// Which calibration sequences a search measures on, and which ones it may learn from: no sequence is both. Pure.
import { EngineError } from '../../errors.ts';

export interface HeldOut {
  /** What the largest activations are taken of. */
  readonly seen: readonly Int32Array[];
  /** What alphas are compared on. */
  readonly held: readonly Int32Array[];
}

/** Part of the sequences that is held out, at most. */
const heldPart = 1 / 4;
/** Enough to tell alphas apart, as all of them predict the same tokens. */
const heldTokens = 4096;

/** Sequences spread evenly over all of them: a quarter, and at most 4096 tokens. Throws kind `input` for less than two. */
export function holdOut(sequences: readonly Int32Array[]): HeldOut {
  const long = sequences.filter(({ length }) => length > 1);
  const longest = Math.max(1, ...long.map(({ length }) => length));
  const count = Math.max(1, Math.min(Math.floor(long.length * heldPart), Math.floor(heldTokens / longest)));
  if (long.length < 2) {
    const given = long.length === 1 ? 'the calibration text has one sequence' : 'the calibration text has none';
    throw new EngineError(
      'input',
      `alpha "auto" is measured on calibration sequences that are held out, and needs two at least; ${given}: give a longer text, more "samples" or a shorter "sequence_length"`,
    );
  }
  const chosen = new Set(Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * long.length) / count)));
  return { seen: long.filter((_, index) => !chosen.has(index)), held: long.filter((_, index) => chosen.has(index)) };
}
