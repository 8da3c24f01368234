// Options and results of the native QRazor quantizer (kernels/solve/qrazor). Shapes: binding.ts.

/** Where a magnitude would round up past the codes: qllm keeps a positive code at the largest one, original cuts what is near the end of the range. */
export type QrazorRule = 'qllm' | 'original';

/** What the integers of a group are: consecutive columns of a row, or consecutive rows of a column (GPTQ only). */
export type QrazorAxis = 'inputs' | 'outputs';

export interface QrazorOptions {
  readonly baseBits: 8 | 16;
  /** At most baseBits; 3 with the rule qllm only. */
  readonly bits: 3 | 4 | 8;
  /** 8, 16, 32, 64 or 128; divides the columns when groups lie along inputs. */
  readonly groupSize: number;
  readonly rule: QrazorRule;
  /** outputs needs a factor. Default: inputs. */
  readonly axis?: QrazorAxis;
  /** Columns of a row that share a scale; -1 (the row) by default. */
  readonly baseGroupSize?: number;
  /** false: scale = (max - min) / (2^b - 1), the zero stays 0 (activations). Default: true. */
  readonly symmetric?: boolean;
  /** Refit the scale by least squares on the razored integers. Default: false. */
  readonly compAware?: boolean;
}

/** w = code * 2^shift * scale */
export interface QrazorResult {
  /** [rows, cols] */
  readonly codes: Int8Array;
  /** axis inputs: [rows, cols / groupSize]; outputs: [ceil(rows / groupSize), cols]. */
  readonly shifts: Uint8Array;
  /** [rows, cols / baseGroupSize], [rows] without it. */
  readonly scale: Float32Array;
  /** Inside GPTQ: sum ((w - w') / U[i, i])^2 / 2; else 0. */
  readonly loss: number;
  /** As RtnResult. */
  readonly sqnrDb: number;
  readonly mse: number;
  readonly notFinite: readonly [number, number] | null;
}
