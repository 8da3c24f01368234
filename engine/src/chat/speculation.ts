// How many tokens to guess ahead, learnt from what guessing cost and brought. Guesses change no answer (native Program.step), only its speed; so this
// may use the clock, and is off while guessing does not pay.
// Speculative decoding: Leviathan, Kalman and Matias 2023. Here a guess is right when it is the very token that the model samples at that place.
import { mostDrafted } from '@quantwright/native/binding';
import type { TokenConstraint } from './token-constraint.ts';

export interface DraftContext {
  /** Every token so far, prompt included. */
  readonly history: readonly number[];
  readonly most: number;
  /** Tokens of the answer so far: the place of the next random number. */
  readonly drawn: number;
  readonly constraint: TokenConstraint | null;
  readonly state: number;
}

export interface DraftSource {
  /** At most `most` guesses of what follows; none is fine. */
  propose(context: DraftContext): Promise<readonly number[]> | readonly number[];
  /** After the answer: frees what the guesses were made with. */
  end?(): void;
}

export interface DraftPolicy {
  /** Guesses to verify in the next step; 0: none. */
  length(): number;
  /** After every step: guesses in it, those that were right, and what guessing and the step took together. */
  record(drafted: number, accepted: number, seconds: number): void;
}

const firstLength = 4;
/** Steps whose balance decides. */
const window = 8;
/** Steps without guesses after a bad balance; doubled each time in a row. */
const shortestRest = 16;
const longestRest = 256;
/** Weight of a new measurement of what a step without guesses takes. */
const freshness = 0.2;

export function draftPolicy(): DraftPolicy {
  let single: number | null = null;
  let length = firstLength;
  let resting = 0;
  let rest = shortestRest;
  let recent: { readonly tokens: number; readonly seconds: number }[] = [];
  return {
    // What guessing must beat is measured first.
    length: () => (single === null || resting > 0 ? 0 : length),
    record: (drafted, accepted, seconds) => {
      if (drafted === 0) {
        single = single === null ? seconds : single + freshness * (seconds - single);
        resting = Math.max(0, resting - 1);
        return;
      }
      length = Math.min(mostDrafted, accepted === drafted ? Math.max(length, drafted + 2) : accepted + 1);
      recent = [...recent, { tokens: accepted + 1, seconds }].slice(-window);
      const tokens = recent.reduce((sum, step) => sum + step.tokens, 0);
      const spent = recent.reduce((sum, step) => sum + step.seconds, 0);
      const pays = single === null || tokens * single >= spent;
      if (recent.length < window / 2) return;
      if (pays) {
        if (recent.length === window) rest = shortestRest;
        return;
      }
      resting = rest;
      rest = Math.min(longestRest, rest * 2);
      recent = [];
      length = firstLength;
    },
  };
}
