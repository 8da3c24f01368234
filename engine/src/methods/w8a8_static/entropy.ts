// The range whose codes keep most of a distribution: of all windows of a histogram the one whose distribution differs least (Kullback-Leibler) from itself
// once values outside are clipped to its ends and values inside share the codes.
// Sources: NVIDIA TensorRT calibration (S. Migacz, 8-bit inference with TensorRT, GTC 2017); microsoft/onnxruntime python/tools/quantization/calibrate.py ::
// HistogramCollector.get_entropy_threshold. Here windows grow on both sides in the ratio of the observed range, and codes are spread evenly over every window.
import type { ActivationRange, InputHistogram } from './range.ts';

/** What a bin without a count is worth against one that has some: a divergence is never infinite. In counts. */
const epsilon = 1e-4;

/** `levels`: codes, shared out over the window. Values beyond the observed range are never inside. */
export function entropyRange({ low, high, width, counts }: InputHistogram, levels: number, symmetric: boolean): ActivationRange {
  const far = Math.max(-low, high);
  const middle = counts.length / 2;
  const binsOf = (extent: number): number => (width === 0 ? 0 : Math.min(middle, Math.ceil(extent / width)));
  const [below, above] = symmetric ? [binsOf(far), binsOf(far)] : [binsOf(-low), binsOf(high)];
  // Fewer bins than codes tell nothing of what codes would lose.
  const steps = Math.max(below, above);
  const whole = symmetric ? { low: -far, high: far } : { low, high };
  let best = Number.POSITIVE_INFINITY;
  let found: ActivationRange = whole;
  for (let step = Math.ceil((steps * levels) / (below + above)); step <= steps; step++) {
    const [left, right] = [Math.ceil((below * step) / steps), Math.ceil((above * step) / steps)];
    const divergence = divergenceOf(counts, middle - left, middle + right, levels);
    if (divergence >= best) continue;
    best = divergence;
    found = { low: Math.max(whole.low, -left * width), high: Math.min(whole.high, right * width) };
  }
  return found;
}

/** Of the distribution clipped to bins [begin, end) from its copy with `levels` values. */
export function divergenceOf(counts: Float32Array, begin: number, end: number, levels: number): number {
  const size = end - begin;
  const clipped = Float64Array.from(counts.subarray(begin, end));
  clipped[0] = (clipped[0] ?? 0) + sum(counts, 0, begin);
  clipped[size - 1] = (clipped[size - 1] ?? 0) + sum(counts, end, counts.length);
  const copy = quantizedCopy(counts.subarray(begin, end), levels);
  const [total, kept] = [sum(clipped, 0, size), sum(copy, 0, size)];
  let divergence = 0;
  for (let at = 0; at < size; at++) {
    const count = clipped[at] ?? 0;
    if (count > 0) divergence += (count / total) * Math.log((count * kept) / (total * Math.max(copy[at] ?? 0, epsilon)));
  }
  return kept === 0 ? Number.POSITIVE_INFINITY : divergence;
}

/** Bins with the same code get equal parts of their counts, but for empty ones, which stay empty. */
function quantizedCopy(counts: Float32Array, levels: number): Float64Array {
  const size = counts.length;
  const copy = new Float64Array(size);
  for (let level = 0; level < levels; level++) {
    const [from, to] = [Math.floor((level * size) / levels), Math.floor(((level + 1) * size) / levels)];
    let [total, filled] = [0, 0];
    for (let at = from; at < to; at++) {
      const count = counts[at] ?? 0;
      total += count;
      if (count > 0) filled++;
    }
    for (let at = from; at < to; at++) if ((counts[at] ?? 0) > 0) copy[at] = total / filled;
  }
  return copy;
}

function sum(values: Float32Array | Float64Array, begin: number, end: number): number {
  let total = 0;
  for (let at = begin; at < end; at++) total += values[at] ?? 0;
  return total;
}
