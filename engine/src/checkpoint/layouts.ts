// How quantized linears lie in a checkpoint: tensor names, shapes and config keys. Shared by the readers (quantized/) and the writers (pipeline/),
// so that what one writes the other reads. Pure data and arithmetic; no IO. Sources: algorithms sections 18.1 (GPTQ) and 18.3 (compressed-tensors).
import type { AffineWeightSpec, PackedBits } from '@quantwright/native/binding';
import type { JsonObject } from './json-file.ts';

/**
 * Tensors of a linear `module`, by suffix (`${module}.${suffix}`). `bias` is always the plain dense vector [out].
 *
 * gptq, gptq_v2     qweight I32 [ceil(in*bits/32), out], qzeros I32 [groups, ceil(out*bits/32)], scales F16 [groups, out], g_idx I32 [in].
 *                   v1 stores (zero - 1) & (2^bits - 1), v2 stores zero. Codes are unsigned.
 * compressed-tensors
 *   int-quantized   weight I8 [out, in], weight_scale [out, 1] or [out, groups], weight_zero_point I8 (same shape; absent = 0).
 *   pack-quantized  weight_packed I32 [out, ceil(in*bits/32)] of code + 2^(bits-1), weight_scale [out, groups], weight_shape I64 [2] = [out, in],
 *                   weight_zero_point I32 [ceil(out*bits/32), groups] packed along out (absent = symmetric), weight_g_idx I32 [in].
 *                   3, 5, 6 and 7 bits were packed as 32/bits whole codes a word until October 2025: ceil(in/(32/bits)) and ceil(out/(32/bits)) words.
 * quantwright
 *   weight_only     qweight as gptq, scales F16|BF16|F32 [groups, out], zeros (type of scales) [groups, out], weight_shape I64 [2] = [out, in],
 *                   optional g_idx I32 [in]. Neither side need be a multiple of anything. Signed codes are stored as code + 2^(bits-1);
 *                   `zeros` always belongs to the codes before that shift, so that a fractional zero loses nothing.
 *   activate_quant, 8 bits per channel (otherwise as weight_only)  weight I8 (signed) or U8 [out, in], weight_scale F32 [out, 1], weight_zero_point F32 [out, 1].
 * awq              qweight I32 [in, out/8] in AutoAWQ's order, qzeros I32 [groups, out/8], scales F16 [groups, out].
 * bitsandbytes
 *   8-bit           weight I8 [out, in], SCB F32 [out], weight_format U8 (0 = row order).
 *   4-bit           weight U8 [out*in/2, 1] (or the same bytes as another type), weight.quant_map F32 [16], weight.absmax F32 [blocks] (nested: U8, with
 *                   weight.nested_absmax F32, weight.nested_quant_map F32 [256]), weight.quant_state.bitsandbytes__nf4 or __fp4: JSON as U8.
 * fp8              weight F8_E4M3 or F8_E5M2 [out, in], weight_scale of one value or [out, 1], or weight_scale_inv [out/128, in/128] (a factor all the same).
 *   spqr and other kinds: engine/src/kinds.
 * hqq              W_q U8 or I32 [lines/fields, group_size] (or the same bytes as a float type), scale and zero [lines, 1], a line being group_size
 *                  weights of the flat matrix; scalars nbits, axis, group_size ..., and shape I64 [2].
 */
export const suffix = {
  bias: 'bias',
  weight: 'weight',
  qweight: 'qweight',
  qzeros: 'qzeros',
  scales: 'scales',
  zeros: 'zeros',
  gIdx: 'g_idx',
  weightShape: 'weight_shape',
  weightScale: 'weight_scale',
  weightZeroPoint: 'weight_zero_point',
  inputScale: 'input_scale',
  inputZeroPoint: 'input_zero_point',
  weightPacked: 'weight_packed',
  weightGIdx: 'weight_g_idx',
  statScales: 'stat_scales',
  statLevels: 'stat_levels',
  outlierCounts: 'outlier_counts',
  outlierColumns: 'outlier_columns',
  outlierValues: 'outlier_values',
  scb: 'SCB',
  weightFormat: 'weight_format',
  weightScaleInv: 'weight_scale_inv',
  hqqCodes: 'W_q',
  hqqScale: 'scale',
  hqqZero: 'zero',
  bnbAbsmax: 'weight.absmax',
  bnbQuantMap: 'weight.quant_map',
  bnbNestedAbsmax: 'weight.nested_absmax',
  bnbNestedQuantMap: 'weight.nested_quant_map',
  bnbNf4: 'weight.quant_state.bitsandbytes__nf4',
  bnbFp4: 'weight.quant_state.bitsandbytes__fp4',
} as const;

/** What a reader must know about one module of the `quantwright` layout. */
export interface QuantwrightModule {
  readonly bits: PackedBits;
  /** -1 = one group a row. */
  readonly group_size: number;
  readonly signed: boolean;
  readonly compute_method: 'weight_only' | 'activate_quant';
  /** With activate_quant, where it is not DashInfer's (checkpoint/activations.ts). */
  readonly activations?: JsonObject;
}

/** The same of a module whose weights are no affine codes (engine/src/kinds), with settings of its kind. */
export interface CodedModule {
  readonly kind: string;
  readonly bits: number;
  readonly group_size: number;
  readonly [setting: string]: unknown;
}

/** config.json `quantization_config` of the `quantwright` layout. The top-level fields are the defaults of every module. */
export type QuantwrightConfig = (QuantwrightModule | CodedModule) & {
  readonly quant_method: 'quantwright';
  readonly version: 1;
  /** Methods that made the codes, for people (instant_quant, rtn ...). */
  readonly methods: readonly string[];
  /** Modules that differ from the defaults, by full name. */
  readonly modules?: Readonly<Record<string, Partial<QuantwrightModule> | CodedModule>>;
};

/** AutoAWQ: output of each 4-bit field of a word, from the lowest. Source: casper-hansen/AutoAWQ awq/modules/linear/gemm.py :: WQLinear_GEMM.from_linear */
export const awqOrder = [0, 2, 4, 6, 1, 3, 5, 7] as const;

export const quantwrightVersion = 1;

/** 32-bit words that hold `count` fields of `bits`, packed without gaps. */
export function packedWords(count: number, bits: PackedBits): number {
  return Math.ceil((count * bits) / 32);
}

/** 32-bit words that hold `count` fields of `bits`, as many whole ones in each as fit. */
export function fieldWords(count: number, bits: PackedBits): number {
  return Math.ceil(count / Math.floor(32 / bits));
}

const weightOnlyCodecs = { 2: 'q2', 3: 'q3', 4: 'q4', 5: 'q5', 6: 'q6', 7: 'q8', 8: 'q8' } as const satisfies Readonly<
  Record<PackedBits, AffineWeightSpec['codec']>
>;

/** The codec that multiplies codes of `bits` with integer activations. */
export function integerCodec(bits: PackedBits): 'w8a8' | 'w4a8' {
  return bits <= 4 ? 'w4a8' : 'w8a8';
}

/** The narrowest codec that holds codes of `bits` (kernels/linear/README.md). */
export function weightOnlyCodec(bits: PackedBits): AffineWeightSpec['codec'] {
  return weightOnlyCodecs[bits];
}

/** Groups of a row of `columns`; groupSize -1 = one. The last group may be shorter. */
export function groupCount(columns: number, groupSize: number): number {
  return groupSize === -1 ? 1 : Math.ceil(columns / groupSize);
}

/** Largest stored code of an unsigned `bits`-wide field. */
export function maxCode(bits: PackedBits): number {
  return 2 ** bits - 1;
}
