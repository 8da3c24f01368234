// The scales that AWQ tries for the channels of one input, and the search among them. Formulas: README.md in this folder.

/** autoawq: casper-hansen/AutoAWQ quantizer.py :: _compute_best_scale. inc: intel/neural-compressor awq.py :: search_scale, which adds nothing to what it divides by. */
export type AwqVariant = 'autoawq' | 'inc';

export interface ScaleGrid {
  /** [width] Mean |x| of every channel. */
  readonly inputs: Float32Array;
  /** [width] Mean over rows of |w| / (the largest |w| of its group). Null: scales follow the inputs alone (duo_scaling false; llm-awq). */
  readonly weights: Float32Array | null;
  readonly variant: AwqVariant;
}

export interface FoundScale {
  readonly scale: Float32Array;
  /** Of the grid: 0, 1 / grid ... */
  readonly ratio: number;
  /** [grid] Loss of every ratio. */
  readonly history: readonly number[];
}

/** Of the inputs' magnitudes to the power `ratio`. What is no number, or infinite, is 1. */
export function scaleAt({ inputs, weights, variant }: ScaleGrid, ratio: number): Float32Array {
  // In f32 throughout, exponents too, as the references.
  const epsilon = variant === 'autoawq' ? Math.fround(1e-4) : 0;
  const raw = inputs.map((input, channel) => {
    const by = weights === null ? 1 : Math.fround((weights[channel] ?? 0) ** Math.fround(1 - ratio)) + epsilon;
    return Math.max(Math.fround(input ** Math.fround(ratio)) / Math.fround(by), 1e-4);
  });
  // A channel without weights has no say in how large the others are.
  const finite = raw.filter((value) => Number.isFinite(value));
  const middle = Math.fround(Math.sqrt(Math.fround(largest(finite) * smallest(finite))));
  return raw.map((value) => {
    const scale = Math.fround(value / middle);
    return Number.isFinite(scale) && scale > 0 ? scale : 1;
  });
}

/** `loss`: of the model part whose weights are rounded with these scales. Equal losses keep the lower ratio; a loss that is no number is never taken. */
export async function searchScale(grid: ScaleGrid, steps: number, loss: (scale: Float32Array) => Promise<number>): Promise<FoundScale> {
  const history: number[] = [];
  let best: { scale: Float32Array; ratio: number; loss: number } | null = null;
  for (let step = 0; step < steps; step++) {
    const ratio = step / steps;
    const scale = scaleAt(grid, ratio);
    const lost = await loss(scale);
    history.push(lost);
    if (Number.isFinite(lost) && (best === null || lost < best.loss)) best = { scale, ratio, loss: lost };
  }
  return best === null ? { scale: new Float32Array(grid.inputs.length).fill(1), ratio: 0, history } : { scale: best.scale, ratio: best.ratio, history };
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function smallest(values: Float32Array): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}
