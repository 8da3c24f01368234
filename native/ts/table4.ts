// Options and results of rounding to 16 values (kernels/solve/table4). Shapes: binding.ts.

export interface Table4Options {
  readonly type: 'nf4' | 'fp4';
  /** Whose arithmetic and order of codes. */
  readonly dialect: 'inc' | 'bitsandbytes';
  /** -1: the row. The last group of a row may be shorter. */
  readonly groupSize: number;
  /** inc: one clip ratio for the matrix, 40 steps. */
  readonly mse?: boolean;
  /** Returned scales are rounded to this type; codes are computed before that. */
  readonly scaleType: 'f32' | 'f16' | 'bf16';
}

/** w = values[code] * scale */
export interface Table4Result {
  /** [ceil(rows * cols / 2)] Two a byte, the first in the high nibble. */
  readonly codes: Uint8Array;
  /** [rows, groups] */
  readonly scale: Float32Array;
  readonly groups: number;
  /** [16] */
  readonly values: Float32Array;
  /** As RtnResult. */
  readonly sqnrDb: number;
  readonly mse: number;
  readonly notFinite: readonly [number, number] | null;
}
