// Codebooks of 2^bits entries for values in -1 to 1: weighted k-means over a histogram of them, equally spaced ones, and those of normal floats.
// Source: SqueezeAILab/KVQuant quant/kvquant/simquant_module_quantizer.py :: SimQuant.quantize (k-means), QuantLinearSim.__init__ (nf), quant_fn_zp (integers).
import { uniform } from '../../calibration/samples.ts';

/** Fine enough that the loss of a codebook differs from that over the values themselves by far less than 1 %. */
const bins = 2 ** 16;
const iterations = 50;
/** k-means finds the best neighbourhood of where it begins; the best of so many beginnings is taken. */
const beginnings = 8;

/** Weighted values in -1 to 1. */
export interface Histogram {
  /** Values outside count at the border. */
  add(value: number, weight: number): void;
  /** Sums over bins before each bin, [bins + 1]: of weights, of weighted values, of weighted squares, of how many there are. */
  sums(): HistogramSums;
  /** Of all values, not weighted. */
  readonly mean: number;
  readonly deviation: number;
}

interface HistogramSums {
  readonly weight: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly count: Float64Array;
}

export function createHistogram(): Histogram {
  const weight = new Float64Array(bins);
  const first = new Float64Array(bins);
  const second = new Float64Array(bins);
  const count = new Float64Array(bins);
  let total = 0;
  let sum = 0;
  let squares = 0;
  const prefix = (of: Float64Array): Float64Array => {
    const out = new Float64Array(bins + 1);
    for (let bin = 0; bin < bins; bin += 1) out[bin + 1] = (out[bin] ?? 0) + (of[bin] ?? 0);
    return out;
  };
  return {
    add: (value, by) => {
      const bin = binOf(value);
      weight[bin] = (weight[bin] ?? 0) + by;
      first[bin] = (first[bin] ?? 0) + by * value;
      second[bin] = (second[bin] ?? 0) + by * value * value;
      count[bin] = (count[bin] ?? 0) + 1;
      total += 1;
      sum += value;
      squares += value * value;
    },
    sums: () => ({ weight: prefix(weight), first: prefix(first), second: prefix(second), count: prefix(count) }),
    get mean() {
      return total === 0 ? 0 : sum / total;
    },
    get deviation() {
      return total === 0 ? 0 : Math.sqrt(Math.max(0, squares / total - (sum / total) ** 2));
    },
  };
}

function binOf(value: number): number {
  return Math.min(bins - 1, Math.max(0, Math.floor(((value + 1) / 2) * bins)));
}

/** [2^bits] in rising order: k-means++ (Arthur and Vassilvitskii 2007) and Lloyd's iterations, deterministic. Equally spaced where nothing has weight. */
export function kmeansCodebook(histogram: Histogram, bits: number): Float32Array {
  const sums = histogram.sums();
  const size = 2 ** bits;
  if (!((sums.weight[bins] ?? 0) > 0)) return integerCodebook(bits);
  const random = uniform(1);
  let best: { readonly centres: Float64Array; readonly inertia: number } = { centres: new Float64Array(), inertia: Number.POSITIVE_INFINITY };
  for (let beginning = 0; beginning < beginnings; beginning += 1) {
    const centres = lloyd(sums, spreadOut(sums, size, random));
    const inertia = inertiaOf(sums, centres);
    if (inertia < best.inertia) best = { centres, inertia };
  }
  return Float32Array.from(best.centres);
}

/** Sum of weight * (value - nearest entry)^2. */
export function codebookInertia(histogram: Histogram, codebook: ArrayLike<number>): number {
  return inertiaOf(histogram.sums(), Float64Array.from(codebook).sort());
}

/** [2] {scale, offset} behind the codebook that give its entries, as often as they are taken, the mean and deviation of the values. */
export function codebookNorm(histogram: Histogram, codebook: ArrayLike<number>): Float32Array {
  const { count } = histogram.sums();
  const centres = Float64Array.from(codebook).sort();
  let total = 0;
  let sum = 0;
  let squares = 0;
  for (const [at, [begin, end]] of partsOf(centres).entries()) {
    const taken = (count[end] ?? 0) - (count[begin] ?? 0);
    const entry = centres[at] ?? 0;
    total += taken;
    sum += taken * entry;
    squares += taken * entry * entry;
  }
  const mean = total === 0 ? 0 : sum / total;
  const deviation = total === 0 ? 0 : Math.sqrt(Math.max(0, squares / total - mean ** 2));
  const scale = deviation > 0 ? histogram.deviation / deviation : 1;
  return Float32Array.of(scale, histogram.mean - mean * scale);
}

/** Equally spaced from -1 to 1. */
export function integerCodebook(bits: number): Float32Array {
  const most = 2 ** bits - 1;
  return Float32Array.from({ length: most + 1 }, (_, code) => (2 * code) / most - 1);
}

/** Quantiles of the normal distribution: 2^(bits-1) of its negative half and one more of its positive half, each half brought to length 1. */
export function normalCodebook(bits: number): Float32Array {
  const offset = 0.5 * (1 / 32 + 1 / 30);
  const half = 2 ** (bits - 1);
  const upTo = (steps: number): number[] => Array.from({ length: steps }, (_, at) => normalQuantile(offset + ((0.5 - offset) * at) / (steps - 1)));
  const negative = upTo(half);
  const positive = upTo(half + 1).map((value) => -value);
  const scaled = (values: readonly number[]): number[] => values.map((value) => value / Math.abs(values[0] ?? 1));
  return Float32Array.from([...scaled(negative), ...scaled(positive).reverse().slice(1)]);
}

/** Bins between the middles of neighbouring centres, which are sorted: [begin, end) for each. */
function partsOf(centres: Float64Array): readonly (readonly [number, number])[] {
  const ends = Array.from(centres, (centre, at) => {
    const next = centres[at + 1];
    return next === undefined ? bins : Math.min(bins, Math.max(0, Math.round((((centre + next) / 2 + 1) / 2) * bins)));
  });
  return ends.map((end, at) => [ends[at - 1] ?? 0, end]);
}

function spreadOut({ weight, first }: HistogramSums, size: number, random: () => number): Float64Array {
  const chosen: number[] = [];
  const distance = new Float64Array(bins).fill(Number.POSITIVE_INFINITY);
  const cost = new Float64Array(bins);
  for (let count = 0; count < size; count += 1) {
    let total = 0;
    for (let bin = 0; bin < bins; bin += 1) {
      const own = (weight[bin + 1] ?? 0) - (weight[bin] ?? 0);
      cost[bin] = own * (count === 0 ? 1 : (distance[bin] ?? 0));
      total += cost[bin] ?? 0;
    }
    let left = random() * total;
    let bin = 0;
    for (left -= cost[0] ?? 0; bin < bins - 1 && left > 0; left -= cost[bin] ?? 0) bin += 1;
    const own = (weight[bin + 1] ?? 0) - (weight[bin] ?? 0);
    const centre = own > 0 ? ((first[bin + 1] ?? 0) - (first[bin] ?? 0)) / own : ((bin + 0.5) / bins) * 2 - 1;
    chosen.push(centre);
    for (let other = 0; other < bins; other += 1) {
      const away = (((other + 0.5) / bins) * 2 - 1 - centre) ** 2;
      if (away < (distance[other] ?? 0)) distance[other] = other === bin ? 0 : away;
    }
  }
  return Float64Array.from(chosen).sort();
}

function lloyd({ weight, first }: HistogramSums, begun: Float64Array): Float64Array {
  let centres = begun;
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    const parts = partsOf(centres);
    const moved = centres.map((centre, at) => {
      const [begin, end] = parts[at] ?? [0, 0];
      const own = (weight[end] ?? 0) - (weight[begin] ?? 0);
      // An entry that nothing is near stays where it is.
      return own > 0 ? ((first[end] ?? 0) - (first[begin] ?? 0)) / own : centre;
    });
    moved.sort();
    if (moved.every((centre, at) => centre === centres[at])) break;
    centres = moved;
  }
  return centres;
}

function inertiaOf({ weight, first, second }: HistogramSums, centres: Float64Array): number {
  return partsOf(centres).reduce((sum, [begin, end], at) => {
    const centre = centres[at] ?? 0;
    const [w, f, s] = [weight, first, second].map((of) => (of[end] ?? 0) - (of[begin] ?? 0));
    return sum + (s ?? 0) - 2 * centre * (f ?? 0) + centre * centre * (w ?? 0);
  }, 0);
}

/** Inverse of the cumulative normal distribution within 1.15e-9 of itself: Acklam's rational approximation. 0 < p < 1. */
function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  const polynomial = (x: number, ...terms: readonly number[]): number => terms.reduce((sum, term) => sum * x + term, 0);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return (
      polynomial(q, -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783) /
      polynomial(q, 7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1)
    );
  }
  const q = p - 0.5;
  const r = q * q;
  return (
    (q * polynomial(r, -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239)) /
    polynomial(r, -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1)
  );
}
