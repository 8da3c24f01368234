// Compares an array with a golden one by the tolerance rule that its index row names. Rules are data (index.json); this file only executes them.
// Every rule returns a measured value beside the verdict, so that a failing test prints how far off it was.

export type Tolerance =
  | { readonly rule: 'exact' }
  | { readonly rule: 'allclose'; readonly rtol: number; readonly atol: number }
  | { readonly rule: 'mismatch_fraction'; readonly max: number; readonly abs_gt?: number }
  | { readonly rule: 'relative_frobenius'; readonly max: number };

export interface Comparison {
  readonly ok: boolean;
  readonly rule: string;
  /** Elements outside the rule (exact, allclose), the fraction that differs, or the relative norm. */
  readonly measured: number;
  /** First or worst element, for people. */
  readonly detail: string;
}

export function compareWith(tolerance: Tolerance, actual: ArrayLike<number>, expected: ArrayLike<number>): Comparison {
  if (actual.length !== expected.length) {
    return { ok: false, rule: tolerance.rule, measured: Number.NaN, detail: `${actual.length} elements where ${expected.length} were expected` };
  }
  if (expected.length === 0) return { ok: false, rule: tolerance.rule, measured: Number.NaN, detail: 'nothing to compare' };
  switch (tolerance.rule) {
    case 'exact':
      return count(tolerance.rule, actual, expected, (a, b) => Object.is(a, b) || a === b);
    case 'allclose':
      return count(tolerance.rule, actual, expected, (a, b) => Math.abs(a - b) <= tolerance.atol + tolerance.rtol * Math.abs(b));
    case 'mismatch_fraction': {
      const differing = count(tolerance.rule, actual, expected, (a, b) => Math.abs(a - b) <= (tolerance.abs_gt ?? 0));
      const fraction = differing.measured / expected.length;
      return { ...differing, measured: fraction, ok: fraction <= tolerance.max };
    }
    case 'relative_frobenius':
      return frobenius(actual, expected, tolerance.max);
    default:
      throw new Error(`no such tolerance rule: ${JSON.stringify(tolerance)}`);
  }
}

function count(rule: string, actual: ArrayLike<number>, expected: ArrayLike<number>, same: (a: number, b: number) => boolean): Comparison {
  let outside = 0;
  let worst = -1;
  let worstBy = -1;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i] ?? Number.NaN;
    const b = expected[i] ?? Number.NaN;
    if (same(a, b)) continue;
    outside++;
    const by = Number.isNaN(a - b) ? Number.POSITIVE_INFINITY : Math.abs(a - b);
    if (by > worstBy) [worst, worstBy] = [i, by];
  }
  const detail = outside === 0 ? 'equal' : `${outside} of ${expected.length} differ, worst at ${worst}: ${actual[worst]} where ${expected[worst]} was expected`;
  return { ok: outside === 0, rule, measured: outside, detail };
}

function frobenius(actual: ArrayLike<number>, expected: ArrayLike<number>, max: number): Comparison {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    const b = expected[i] ?? Number.NaN;
    difference += ((actual[i] ?? Number.NaN) - b) ** 2;
    norm += b ** 2;
  }
  const ratio = norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
  return { ok: ratio <= max, rule: 'relative_frobenius', measured: ratio, detail: `relative difference ${ratio.toExponential(2)}, at most ${max}` };
}
