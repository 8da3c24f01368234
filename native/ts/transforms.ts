// Changes of weights and statistics of columns that transforms use before rounding (kernels/solve/edit, kernels/solve/awq). Shapes: binding.ts.
import type { DenseSource } from './weights.ts';

/** w'[r, c] = clamp(w[r, c] * columns[c] * rows[r], -limit, limit); what is left out changes nothing. */
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
  /** Mean of (a - b)^2 over arrays of equal length, summed in f64; the same for any number of threads. */
  meanSquaredError(a: Float32Array, b: Float32Array): Promise<number>;
}
