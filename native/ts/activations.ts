// How a linear with integer activations quantizes what it reads, when the product is taken. kernels/linear/int8/activations.h is the same in C.

/** Widths of activation codes; all of them are multiplied as 8-bit integers. */
export type ActivationBits = 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** A scale for every row of x (token), of the values that the row has. */
export interface TokenActivations {
  readonly kind: 'token';
  readonly bits: ActivationBits;
  /**
   * dashinfer: s = absmax / m, q = rint(clamp(x * (m / absmax), -m - 1, m)), m = 2^(bits-1) - 1 (algorithms section 2.3).
   * smoothquant: s = max(absmax, 1e-5) / m, q = rint(x / s) (section 7).
   * zeroquant: symmetric: s = 2 absmax / 2^bits, q = clamp(rint(x / s), -m - 1, m); else s = (max - min) / 2^bits, zero = -rint(min / s), codes 0 to 2^bits - 1 (section 9.1).
   * affine: the range extended to 0, s = (max - min) / (2^bits - 1), zero = clamp(-rint(min / s)), codes 0 to 2^bits - 1 (section 15, per token).
   */
  readonly rule: 'dashinfer' | 'smoothquant' | 'zeroquant' | 'affine';
  /** dashinfer and smoothquant are; affine is not. */
  readonly symmetric: boolean;
}

/** One scale for all tokens, found by calibration: q = clamp(rint(x * (1 / scale)) + zero, 0, 2^bits - 1), x' = (q - zero) * scale (section 15). */
export interface TensorActivations {
  readonly kind: 'tensor';
  readonly bits: ActivationBits;
  /** > 0, finite. */
  readonly scale: number;
  /** An integer of 0 to 2^bits - 1; 2^(bits-1) is symmetric. */
  readonly zero: number;
}

/** LLM.int8() (section 8): columns with |x| >= threshold anywhere in the rows of one product stay in floating point; 0: no column does. */
export interface OutlierActivations {
  readonly kind: 'outliers';
  readonly threshold: number;
}

/** QRazor (section 10): `baseBits` per token (absmax / (2^(baseBits-1) - 1)), of which every `groupSize` columns keep `bits` significant ones. */
export interface RazoredActivations {
  readonly kind: 'razored';
  readonly bits: 4 | 8;
  readonly baseBits: 8 | 16;
  /** Divides the columns: 8, 16, 32, 64 or 128. */
  readonly groupSize: number;
  readonly rule: 'qllm' | 'original';
}

export type ActivationSpec = TokenActivations | TensorActivations | OutlierActivations | RazoredActivations;

/** What w8a8 does where a spec says nothing: DashInfer's A8W8. */
export const dashinferActivations: TokenActivations = { kind: 'token', bits: 8, rule: 'dashinfer', symmetric: true };
