// The Pareto front of sizes and qualities: who is not beaten in both.

export interface Placed {
  readonly size: number;
  readonly quality: number;
}

/** Smaller sizes are better. Those of equal size and quality are all kept. By size, smallest first. */
export function paretoFront<T extends Placed>(points: readonly T[], better: 'lower' | 'higher'): readonly T[] {
  const sign = better === 'lower' ? 1 : -1;
  const beats = (a: Placed, b: Placed): boolean =>
    a.size <= b.size && sign * a.quality <= sign * b.quality && (a.size < b.size || sign * a.quality < sign * b.quality);
  return points.filter((point) => !points.some((other) => beats(other, point))).sort((a, b) => a.size - b.size);
}
