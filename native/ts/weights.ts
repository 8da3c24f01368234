// Weights: how a checkpoint stores them, and how they are packed for the kernels. Shapes: binding.ts.
import type { ActivationSpec } from './activations.ts';
import type { BcqWeightSpec } from './bcq.ts';
import type { SpqrWeightSpec } from './spqr.ts';

/** A read-only memory-mapped file. Weights made from it keep it alive; `close` only drops this handle. */
export interface MappedFile {
  readonly path: string;
  readonly size: number;
  /** Copies `length` bytes from `offset`. Throws `QW_INVALID_ARGUMENT` outside the file. */
  read(offset: number, length: number): Uint8Array;
  /** Tells the OS that the pages of this range are not needed soon (madvise DONTNEED). */
  release(offset: number, length: number): void;
  close(): void;
}

export interface FileRange {
  readonly file: MappedFile;
  readonly offset: number;
  readonly length: number;
}
export type Bytes = Uint8Array | FileRange;

export type DenseType = 'f32' | 'f16' | 'bf16';

/** A matrix as a checkpoint stores it. */
export interface DenseSource {
  readonly type: DenseType;
  readonly rows: number;
  readonly cols: number;
  readonly data: Bytes;
}

/** Dense weight, computed on as stored; a FileRange is used in place (no copy). */
export interface DenseWeightSpec extends DenseSource {
  readonly codec: 'dense';
}

/** Widths of codes in words. */
export type PackedBits = 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Codes as a checkpoint stores them: packed for the kernels without a copy of one byte per code. */
export interface StoredCodes {
  /** bytes: [rows, cols]. gptq: words [ceil(cols*bits/32), rows] (section 18.1). rows: words [rows, ceil(cols*bits/32)] (section 18.3).
   * fields: words [rows, ceil(cols/(32/bits))] of 32/bits whole codes each. awq: words [cols, rows/8] of 4 bits, outputs in AutoAWQ's order.
   * planes: bytes (3 bits: words of 10 fields), field i of all of them, from the highest on, being part i of the flat matrix in lines of
   * groupSize (HQQ); groupSize divides cols. */
  readonly layout: 'bytes' | 'gptq' | 'rows' | 'fields' | 'awq' | 'planes';
  /** Width of a field of the words; 8 for bytes. 1 for planes only. */
  readonly bits: 1 | PackedBits;
  /** Signed bytes are int8; signed fields of words are code + 2^(bits-1). */
  readonly signed: boolean;
  readonly data: Bytes;
}

/** Scales or zero points as a checkpoint stores them: [rows, groups] (order rows) or [groups, rows] (order groups). */
export interface StoredParameters {
  readonly type: DenseType;
  readonly order: 'rows' | 'groups';
  readonly data: Bytes;
}

/**
 * Affine integer weight: w = (code - zero) * scale, one scale and zero per row and group of `groupSize` columns
 * (ceil(cols/groupSize) groups; -1 = one group a row). Int8Array = signed codes, Uint8Array = unsigned.
 * q8, q6, q5, q4, q3, q2: weight-only (activations stay f32). w8a8 and w4a8: codes of at most 8 and 4 bits, multiplied as integers with activations that are
 * quantized as `activations` says; the kernels are chosen by shape (kernels/linear/README.md).
 */
export interface AffineWeightSpec {
  readonly codec: 'q8' | 'q6' | 'q5' | 'q4' | 'q3' | 'q2' | 'w8a8' | 'w4a8';
  readonly rows: number;
  readonly cols: number;
  readonly groupSize: number;
  /** Arrays: [rows, cols], one code per byte. */
  readonly codes: Int8Array | Uint8Array | StoredCodes;
  /** Arrays: [rows, groups]. */
  readonly scale: Float32Array | StoredParameters;
  /** Arrays: [rows, groups]; may be fractional (DashInfer). */
  readonly zero: Float32Array | StoredParameters;
  /** Group of every column (GPTQ desc_act); absent = column / groupSize. */
  readonly gIdx?: Int32Array;
  /** How the packed weight keeps scale and zero in memory. The values must be exact in it. */
  readonly scaleType: 'f32' | 'f16' | 'bf16';
  /** Of w8a8 and w4a8. Left out: `dashinferActivations`. */
  readonly activations?: ActivationSpec;
}

/** Quantized block types of GGUF files. */
export type GgufBlockType = 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q2_K' | 'Q3_K' | 'Q4_K' | 'Q5_K' | 'Q6_K';

/** Rows of GGUF blocks, as the file has them (kernels/linear/gguf); packed for the kernels of their width without rounding. The weight's codec is q2 to q8. */
export interface GgufWeightSpec {
  readonly codec: 'gguf';
  readonly type: GgufBlockType;
  readonly rows: number;
  /** A multiple of the type's block: 32, or 256 for the K types. */
  readonly cols: number;
  readonly data: Bytes;
}

/** 4-bit codes into a table (bitsandbytes NF4, FP4): w[i] = table[code i] * absmax[floor(i / block)], i = row * cols + column. Activations stay f32. */
export interface Table4WeightSpec {
  readonly codec: 'table4';
  readonly rows: number;
  readonly cols: number;
  /** Values that share one absmax; runs over the ends of rows. Refused when it shares no multiple of 8 with cols. */
  readonly block: number;
  /** [ceil(rows * cols / 2)]: two codes a byte, the first in the high nibble. */
  readonly codes: Bytes;
  /** [ceil(rows * cols / block)] */
  readonly absmax: Float32Array;
  /** [16] */
  readonly table: Float32Array;
}

/** 8-bit floats, computed on as stored (a FileRange in place): w = data * scale, one scale per tile. Activations stay f32. */
export interface F8WeightSpec {
  readonly codec: 'f8';
  /** e4m3: float8_e4m3fn, without infinities. */
  readonly type: 'e4m3' | 'e5m2';
  readonly rows: number;
  readonly cols: number;
  /** [rows, cols] */
  readonly data: Bytes;
  /** [ceil(rows / scaleRows), ceil(cols / scaleCols)] */
  readonly scale: Float32Array;
  readonly scaleRows: number;
  readonly scaleCols: number;
}

/** w = code * 2^shift * scale: codes of few bits, a shift for every group of them, a scale for every row. */
export interface QrazorWeightSpec {
  readonly codec: 'qrazor';
  readonly rows: number;
  readonly cols: number;
  /** 8, 16, 32, 64 or 128 codes share a shift; divides cols when groups lie along inputs. */
  readonly groupSize: number;
  /** inputs: consecutive columns of a row; outputs: consecutive rows of a column. */
  readonly axis: 'inputs' | 'outputs';
  /** Integers that the codes are the significant bits of. Shifts are at most baseBits - bits + 1. */
  readonly baseBits: 8 | 16;
  readonly bits: 3 | 4 | 8;
  /** [rows, cols], or words `rows` of `bits`, signed. */
  readonly codes: Int8Array | StoredCodes;
  /** inputs: [rows, cols / groupSize]; outputs: [ceil(rows / groupSize), cols]. */
  readonly shifts: Uint8Array;
  /** [rows] */
  readonly scale: Float32Array;
  /** Products of integers. Left out: activations stay f32. */
  readonly activations?: ActivationSpec;
}
export type WeightSpec =
  | DenseWeightSpec
  | AffineWeightSpec
  | GgufWeightSpec
  | Table4WeightSpec
  | F8WeightSpec
  | QrazorWeightSpec
  | BcqWeightSpec
  | SpqrWeightSpec;

/** A packed weight owned by C++. */
export interface Weight {
  readonly codec: string;
  readonly rows: number;
  readonly cols: number;
  /** Bytes of the packed form (mapped bytes for dense weights used in place). */
  readonly bytes: number;
  /** Bytes that saveWeights writes for it, a multiple of 64; 0 for what is not saved (dense weights lie in their file already). */
  readonly savedBytes: number;
  /** f32 [rows, cols], computed from the packed form. */
  dequantize(): Promise<Float32Array>;
  /** y = x W^T + bias for x f32 [m, cols]; the kernels that programs use. */
  matmul(x: Float32Array, m: number, bias?: Float32Array): Promise<Float32Array>;
}
