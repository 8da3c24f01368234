// Where outliers begin: percentiles of a channel's keys over the calibration tokens, and quantiles of a token's values as the cache takes them itself
// (kernels/kv/kvquant/rows.h is the same in C).
// Source: SqueezeAILab/KVQuant quant/kvquant/simquant_module_quantizer.py :: SimQuant.quantize, get_outliers_dynamic.

export interface Thresholds {
  readonly lower: number;
  readonly upper: number;
}

/** numpy.percentile, linear, of t and 1 - t with t = 1 - (1 - sparsity) / 2; the smallest and largest value for sparsity 1. Sorts `values` in place. */
export function channelThresholds(values: Float32Array, sparsity: number): Thresholds {
  values.sort();
  const t = 1 - (1 - sparsity) / 2;
  return { lower: percentile(values, 1 - t), upper: percentile(values, t) };
}

function percentile(sorted: Float32Array, q: number): number {
  const rank = q * (sorted.length - 1);
  const below = Math.floor(rank);
  const low = sorted[below] ?? Number.NaN;
  return Math.fround(low + (rank - below) * ((sorted[Math.min(below + 1, sorted.length - 1)] ?? low) - low));
}

export interface TokenScale {
  /** Outliers are at or beyond them; NaN: there are none. */
  readonly lower: number;
  readonly upper: number;
  /** Of what lies between, once outliers are replaced by the median. */
  readonly offset: number;
  readonly range: number;
}

/** torch.quantile, linear, in f32. values [width] */
export function tokenScale(values: Float32Array, sparsity: number): TokenScale {
  const sorted = values.slice().sort();
  const median = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  const [smallest = Number.NaN, largest = Number.NaN] = [sorted[0], sorted.at(-1)];
  if (sparsity >= 1) return { lower: Number.NaN, upper: Number.NaN, ...middle(smallest, largest) };
  const t = 1 - (1 - sparsity) / 2;
  const upper = quantile(sorted, t);
  const lower = quantile(sorted, 1 - t);
  let low = median;
  let high = median;
  for (const value of values) {
    if (value <= lower || value >= upper) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { lower, upper, ...middle(low, high) };
}

/** As the reference calibrates codebooks of values: offset and range are of the thresholds themselves, where there are some. */
export function calibrationScale(values: Float32Array, sparsity: number): TokenScale {
  const scale = tokenScale(values, sparsity);
  return sparsity >= 1 ? scale : { ...scale, ...middle(scale.lower, scale.upper) };
}

function middle(low: number, high: number): { readonly offset: number; readonly range: number } {
  return { offset: Math.fround(Math.fround(high + low) / 2), range: Math.fround(Math.fround(high - low) / 2) };
}

function quantile(sorted: Float32Array, q: number): number {
  const rank = Math.fround(Math.fround(q) * (sorted.length - 1));
  const below = Math.min(Math.floor(rank), sorted.length - 1);
  const weight = Math.fround(rank - below);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? low;
  const step = Math.fround(high - low);
  return weight < 0.5 ? Math.fround(low + Math.fround(weight * step)) : Math.fround(high - Math.fround(step * Math.fround(1 - weight)));
}
