// Changes of weights and statistics of columns that transforms use before rounding (kernels/solve/edit, kernels/solve/awq). Shapes: binding.ts.
import type { RtnOptions } from './quantizers.ts';
import type { DenseSource } from './weights.ts';

/** w'[r, c] = clamp(w[r, c] * columns[c] * rows[r], low, limit); what is left out changes nothing. */
export interface MatrixEdit {
  /** [cols] */
  readonly columns?: Float32Array;
  /** [rows] */
  readonly rows?: Float32Array;
  readonly clip?: {
    /** 1..cols */
    readonly groupSize: number;
    /** [rows, ceil(cols / groupSize)], not negative. */
    readonly limits: Float32Array;
    /** Of the same shape; left out: -limits. */
    readonly low?: Float32Array;
  };
}

/** Rows of the edited matrix that are wanted; all by default. */
export interface RowBand {
  readonly firstRow?: number;
  readonly rowCount?: number;
}

export interface TransformBinding {
  /** -> f32 [rowCount, cols]. Parallel over rows. */
  editMatrix(source: DenseSource, edit: MatrixEdit & RowBand): Promise<Float32Array>;
  /** Largest or mean |x| of every column, over all rows: [cols]. Sums are f64; NaN and infinity stay visible. */
  columnMagnitudes(source: DenseSource, statistic: 'max' | 'mean'): Promise<Float32Array>;
  /** [rows, ceil(cols / groupSize)] The range of every group, with 0 in it. */
  groupRanges(source: DenseSource, groupSize: number): Promise<{ readonly low: Float32Array; readonly high: Float32Array }>;
  /** [cols] Sum over rows of |w| / (the largest |w| of its group of the row + epsilon). */
  awqWeightSums(source: DenseSource, options: { readonly groupSize: number; readonly epsilon: number }): Promise<Float64Array>;
  /** [rows, cols] What W is when it is rounded with its columns multiplied by scale [cols], and divided by it again. */
  awqFakeQuantize(source: DenseSource, scale: Float32Array, rounding: RtnOptions): Promise<Float32Array>;
  /**
   * [rows, groups] The clip of every group that changes what W makes of its inputs [tokens, cols] least once it is rounded. `grid` steps from the whole range down
   * to 0, of which the part maxShrink is tried.
   */
  awqClip(
    source: DenseSource,
    inputs: Float32Array,
    rounding: RtnOptions,
    search: { readonly grid: number; readonly maxShrink: number },
  ): Promise<Float32Array>;
  /** Mean of (a - b)^2 over arrays of equal length, summed in f64; the same for any number of threads. */
  meanSquaredError(a: Float32Array, b: Float32Array): Promise<number>;
}
