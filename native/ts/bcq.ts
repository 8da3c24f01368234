// Binary-coded matrices (BCQ): how they are solved (kernels/solve/bcq) and as what they are computed on (kernels/linear/bcq). Shapes: binding.ts.
//
//   w = q_bias + sum over bits i of alpha[i] * b[i],  b[i] = +1 or -1
import type { Bytes, DenseSource, DenseType } from './weights.ts';

export interface BcqOptions {
  readonly bits: 1 | 2 | 3 | 4;
  /** -1: one group a row. */
  readonly groupSize: number;
  /** 0: greedy, 1: refined, from 2 on: alternating. */
  readonly rounds: number;
  /** Signs of a round are the nearest of the 2^bits sums; false: greedily, bit by bit. Default: true. */
  readonly useBst?: boolean;
  /** Alphas are rounded to it; signs are chosen before that. */
  readonly alphaType: DenseType;
}

export interface BcqResult {
  /** uint32 [ceil(cols / 32)][bits][rows], little endian: bit k % 32 of word k / 32 is the sign of column k, 1 = +alpha (LUT-GEMM's order). */
  readonly planes: Uint8Array;
  /** [groups][bits][rows] */
  readonly alpha: Float32Array;
  readonly groups: number;
  /** As RtnResult. */
  readonly sqnrDb: number;
  readonly mse: number;
  readonly notFinite: readonly [number, number] | null;
}

/** Codes and parameters of an affine matrix, w = (code - zero) * scale. */
export interface AffineCodes {
  readonly rows: number;
  readonly cols: number;
  readonly bits: number;
  readonly groupSize: number;
  readonly codes: Int8Array | Uint8Array;
  readonly scale: Float32Array;
  readonly zero: Float32Array;
}

/** Values [groups][...][rows] as they are stored. */
export interface BcqParameters {
  readonly type: DenseType;
  readonly data: Bytes;
}

export interface BcqWeightSpec {
  readonly codec: 'bcq';
  readonly rows: number;
  readonly cols: number;
  readonly bits: 1 | 2 | 3 | 4;
  /** -1: one group a row. */
  readonly groupSize: number;
  /** As BcqResult. */
  readonly planes: Bytes;
  readonly alpha: BcqParameters;
  /** [groups][rows]; left out: none. */
  readonly qBias?: BcqParameters;
  /** Group of every column; left out: column / groupSize. */
  readonly gIdx?: Int32Array;
}

export interface BcqBinding {
  /** Solves signs and alphas of one matrix on the thread pool. */
  quantizeBcq(source: DenseSource, options: BcqOptions): Promise<BcqResult>;
  /** The same weights as planes: alpha[i] = scale * 2^(i - 1), and a q_bias [groups][rows]. Rejects codes beyond 4 bits. */
  convertToBcq(matrix: AffineCodes): Promise<{ readonly planes: Uint8Array; readonly alpha: Float32Array; readonly qBias: Float32Array }>;
}
