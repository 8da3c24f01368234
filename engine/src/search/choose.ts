// The mix of settings with the least loss within a size: a knapsack with one choice per part (multiple-choice knapsack problem), solved by dynamic programming over
// the bytes. Exact while the bytes have a common divisor that is not too small, as those of matrices do; else sizes are rounded up, so that the budget always holds.

export interface Choice {
  readonly bytes: number;
  readonly loss: number;
}

/** Places of the table: 16 MiB of memory for 200 parts. */
const mostUnits = 40_000;

/** Index of the choice of every part, or null when the smallest of all do not fit. */
export function chooseWithin(parts: readonly (readonly Choice[])[], budget: number): readonly number[] | null {
  const least = parts.map((choices) => Math.min(...choices.map(({ bytes }) => bytes)));
  const spare = budget - least.reduce((total, bytes) => total + bytes, 0);
  if (spare < 0) return null;
  const extra = parts.map((choices, part) => choices.map(({ bytes }) => bytes - (least[part] ?? 0)));
  const divisor = extra.flat().reduce(greatestCommonDivisor, 0);
  const unit = Math.max(divisor, Math.ceil(spare / mostUnits), 1);
  const units = Math.floor(spare / unit);
  // loss[u]: the least that the parts so far can have with at most u units; taken[part][u]: the choice that gives it.
  let loss = new Float64Array(units + 1);
  const taken = parts.map((choices, part) => {
    const next = new Float64Array(units + 1).fill(Number.POSITIVE_INFINITY);
    const of = new Uint8Array(units + 1);
    for (const [index, choice] of choices.entries()) {
      const cost = Math.ceil((extra[part]?.[index] ?? 0) / unit);
      for (let at = cost; at <= units; at++) {
        const sum = (loss[at - cost] ?? 0) + choice.loss;
        if (sum < (next[at] ?? 0)) {
          next[at] = sum;
          of[at] = index;
        }
      }
    }
    loss = next;
    return of;
  });
  let at = units;
  const chosen = taken.map(() => 0);
  for (let part = parts.length - 1; part >= 0; part--) {
    const index = taken[part]?.[at] ?? 0;
    chosen[part] = index;
    at -= Math.ceil((extra[part]?.[index] ?? 0) / unit);
  }
  return chosen;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
