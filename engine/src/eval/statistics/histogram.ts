// A histogram of values whose range is not known before: bins of equal width between -limit and limit, the smallest power of two above every magnitude, which
// grows by merging pairs of bins. Counts do not depend on the order of the portions (as kernels/observe).
import type { TensorStats } from '@quantwright/schemas/runs/results';

export type CountedHistogram = TensorStats['histogram'];

export interface Histogram {
  add(values: Float32Array): void;
  /** Without the empty bins at both ends; one empty bin where there were no values. */
  result(): CountedHistogram;
}

/** Even: merged pairs of the two halves meet at 0. */
const bins = 128;

export function createHistogram(): Histogram {
  let limit = 0;
  let counts = new Float64Array(bins);
  const grow = (largest: number): void => {
    if (limit === 0) limit = 2 ** (Math.floor(Math.log2(largest)) + 1);
    while (limit <= largest) {
      const merged = new Float64Array(bins);
      for (let bin = 0; bin < bins; bin++) {
        const at = (bin >> 1) + bins / 4;
        merged[at] = (merged[at] ?? 0) + (counts[bin] ?? 0);
      }
      counts = merged;
      limit *= 2;
    }
  };
  return {
    add: (values) => {
      let largest = 0;
      for (let i = 0; i < values.length; i++) {
        const magnitude = Math.abs(values[i] ?? 0);
        if (magnitude > largest) largest = magnitude;
      }
      if (!Number.isFinite(largest)) return;
      // Zeros alone say nothing about the range: they wait in the middle, wherever the limit goes.
      if (largest > 0) grow(largest);
      const into = counts;
      const scale = limit === 0 ? 0 : bins / 2 / limit;
      for (let i = 0; i < values.length; i++) {
        const bin = bins / 2 + Math.floor((values[i] ?? 0) * scale);
        into[bin] = (into[bin] ?? 0) + 1;
      }
    },
    result: () => {
      const first = counts.findIndex((count) => count > 0);
      const last = counts.findLastIndex((count) => count > 0);
      if (first < 0) return { from: 0, to: 0, counts: [0] };
      const width = (2 * limit) / bins;
      return { from: -limit + first * width, to: -limit + (last + 1) * width, counts: [...counts.subarray(first, last + 1)] };
    },
  };
}
