// Minimum, maximum, mean, standard deviation and kurtosis of values that come in portions, in f64. Each portion's central moments are added to those before it
// by the formulas of P. Pebay (SAND2008-6212), which do not lose the small differences of large values as sums of powers do.
// Definitions: algorithms section 17 (qllm-infer, metric.py :: kurtosis): excess kurtosis of biased moments, unbiased standard deviation.
import type { Moments } from '@quantwright/schemas/runs/results';

export interface MomentsOf {
  add(values: Float32Array): void;
  /** Null when a value was not a finite number, or there were none. Values that are all the same have a kurtosis of 0. */
  result(): Moments | null;
}

export function createMoments(): MomentsOf {
  let [count, mean, m2, m3, m4] = [0, 0, 0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return {
    add: (values) => {
      const added = values.length;
      if (added === 0) return;
      const part = centralMoments(values);
      min = Math.min(min, part.min);
      max = Math.max(max, part.max);
      const all = count + added;
      const shift = part.mean - mean;
      const shift2 = shift * shift;
      const both = count * added;
      m4 +=
        part.m4 +
        (shift2 * shift2 * both * (count * count - both + added * added)) / all ** 3 +
        (6 * shift2 * (count * count * part.m2 + added * added * m2)) / all ** 2 +
        (4 * shift * (count * part.m3 - added * m3)) / all;
      m3 += part.m3 + (shift2 * shift * both * (count - added)) / all ** 2 + (3 * shift * (count * part.m2 - added * m2)) / all;
      m2 += part.m2 + (shift2 * both) / all;
      mean += (shift * added) / all;
      count = all;
    },
    result: () => {
      if (count === 0 || !Number.isFinite(min) || !Number.isFinite(max) || !Number.isFinite(mean)) return null;
      return { min, max, mean, std: count === 1 ? 0 : Math.sqrt(m2 / (count - 1)), kurtosis: m2 === 0 ? 0 : (count * m4) / (m2 * m2) - 3 };
    },
  };
}

interface CentralMoments {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Sums of the 2nd, 3rd and 4th powers of the distances from the mean. */
  readonly m2: number;
  readonly m3: number;
  readonly m4: number;
}

function centralMoments(values: Float32Array): CentralMoments {
  let [sum, min, max] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / values.length;
  let [m2, m3, m4] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const distance = (values[i] ?? 0) - mean;
    const square = distance * distance;
    m2 += square;
    m3 += square * distance;
    m4 += square * square;
  }
  return { min, max, mean, m2, m3, m4 };
}
