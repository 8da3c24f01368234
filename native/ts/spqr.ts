// SpQR: options and results of the native quantizer (kernels/solve/spqr), and weights for its kernels (kernels/linear/spqr). Shapes: binding.ts.
import type { Bytes } from './weights.ts';

export interface SpqrOptions {
  readonly bits: 2 | 3 | 4;
  /** Divides 128 or is a multiple of it; -1: the row. */
  readonly groupSize: number;
  readonly symmetric?: boolean;
  /** Zeros are rounded before they are quantized. */
  readonly roundZero?: boolean;
  /** Of the quantized scales and zeros, 1 to 8; both 0: they stay floats. */
  readonly scaleBits: number;
  readonly zeroBits: number;
  /** Zeros are quantized around 0. */
  readonly zeroSymmetric?: boolean;
  /** Rows whose scales and zeros at one group share a second-level scale and zero: divides 32. */
  readonly statGroup: number;
  /** Groups are fitted on all their weights, outliers or not. */
  readonly simplifiedOutliers?: boolean;
  /** Relative to mean(var(W[:, j]) / U_jj^2). Left out: no outliers. */
  readonly outlierThreshold?: number;
  /** Searches the threshold instead, so that averageBits comes to it, from below. */
  readonly targetBits?: number;
  /** Second-level scales and zeros (or the floats) are rounded to it before codes are made; outlier values likewise. */
  readonly statType: 'f32' | 'f16' | 'bf16';
  readonly valueType: 'f32' | 'f16' | 'bf16';
}

/** w = (code - zero) * scale + outlier; scale = scaleStep * (scaleLevel - scaleZero), zero = zeroStep * (zeroLevel - zeroZero). */
export interface SpqrResult {
  readonly groups: number;
  /** [rows, cols], columns as in the source. */
  readonly codes: Uint8Array;
  /** [rows, groups]; not filled when scales and zeros stay floats. */
  readonly scaleLevels: Uint8Array;
  readonly zeroLevels: Uint8Array;
  /** [ceil(rows / statGroup), groups] */
  readonly scaleStep: Float32Array;
  readonly scaleZero: Float32Array;
  readonly zeroStep: Float32Array;
  readonly zeroZero: Float32Array;
  /** [rows, groups]: what the levels give back, or the floats. */
  readonly scale: Float32Array;
  readonly zero: Float32Array;
  /** [cols] Group of every column. */
  readonly gIdx: Int32Array;
  /** Outliers row by row (CSR): rowBegin [rows + 1], columns rising in a row, values added to the weight of the code. */
  readonly rowBegin: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float32Array;
  /** What squared errors were compared with, and the same relative to the matrix; Infinity without outliers. */
  readonly threshold: number;
  readonly relativeThreshold: number;
  /** bits + (scaleBits + zeroBits) / group + 64 / (group * statGroup) + 32 * outliers a weight. */
  readonly averageBits: number;
  /** sum ((w - w') / U[i, i])^2 / 2 */
  readonly loss: number;
  /** As RtnResult. */
  readonly sqnrDb: number;
  readonly mse: number;
  readonly notFinite: readonly [number, number] | null;
}

/** A SpQR weight as a checkpoint stores it, with scales and zeros of 16 rows together; activations stay f32. Multi-byte data is little endian. */
export interface SpqrWeightSpec {
  readonly codec: 'spqr';
  readonly rows: number;
  readonly cols: number;
  readonly bits: 2 | 3 | 4;
  /** 1..cols */
  readonly groupSize: number;
  readonly scaleBits: number;
  readonly zeroBits: number;
  /** Words [rows, ceil(cols * bits / 32)] (packRows). */
  readonly codes: Bytes;
  /** f16 [ceil(rows / 16), groups, 4]: scaleStep, scaleZero, zeroStep, zeroZero. */
  readonly second: Bytes;
  /** uint16 [ceil(rows / 16), groups, scaleBits + zeroBits]: bit r of word b is bit b of row r's level, scales first. */
  readonly levels: Bytes;
  readonly gIdx?: Int32Array;
  /** How many there are; uint16 [rows]: of every row; their columns, rising in a row (uint16; int32 when cols is above 65536); f16 values. */
  readonly outliers: { readonly count: number; readonly counts: Bytes; readonly columns: Bytes; readonly values: Bytes };
}
