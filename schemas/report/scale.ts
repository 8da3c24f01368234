// Axes: numbers to pixels, and where the ticks stand. Pure.

export interface Scale {
  at(value: number): number;
  /** In the order of the values. */
  readonly ticks: readonly number[];
  readonly logarithmic: boolean;
}

/** From so many times the smallest value on, equal ratios look equal. */
const LOG_FROM = 20;

/** `from` and `to`: pixels of the smallest and the largest value. Values that are all the same lie in the middle. */
export function linearScale(values: readonly number[], from: number, to: number, wanted = 5): Scale {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const span = most - least;
  const at = (value: number): number => (span === 0 ? (from + to) / 2 : from + ((value - least) / span) * (to - from));
  return { at, ticks: span === 0 ? [least] : roundTicks(least, most, wanted), logarithmic: false };
}

/** Logarithmic where the values are positive and far apart; else linear. */
export function lossScale(values: readonly number[], from: number, to: number): Scale {
  const least = Math.min(...values);
  const most = Math.max(...values);
  if (!(least > 0) || most / least < LOG_FROM) return linearScale(values, from, to);
  const span = Math.log(most / least);
  const first = Math.ceil(Math.log10(least));
  const ticks = Array.from({ length: Math.floor(Math.log10(most)) - first + 1 }, (_, at) => 10 ** (first + at));
  return { at: (value) => from + (Math.log(value / least) / span) * (to - from), ticks, logarithmic: true };
}

/** Multiples of 1, 2 or 5 times a power of ten between `least` and `most`. */
function roundTicks(least: number, most: number, wanted: number): readonly number[] {
  const rough = (most - least) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough) ?? rough;
  const first = Math.ceil(least / step);
  const count = Math.max(0, Math.floor(most / step + 1e-9) - first + 1);
  // Products of a decimal step are rarely decimal themselves.
  return Array.from({ length: count }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Points of a polyline, to a tenth of a pixel. */
export function points(xs: readonly number[], ys: readonly number[]): string {
  return xs.map((x, at) => `${x.toFixed(1)},${(ys[at] ?? 0).toFixed(1)}`).join(' ');
}
