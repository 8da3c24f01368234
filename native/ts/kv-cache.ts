// How a session keeps its keys and values. kernels/kv/kv.h is the same in C.

export type CacheType = 'f32' | 'f16';

/** One scale and zero point for each token and head. Integers: DashInfer's AsCacheQuantI8 and U4. floating: fp8 e4m3 with absmax / 448. */
export type TokenKvCache =
  | { readonly kind: 'token'; readonly bits: 8 | 4; readonly floating?: false }
  | { readonly kind: 'token'; readonly bits: 8; readonly floating: true };

/** KIVI (algorithms section 13): keys by channel over groups of tokens, values by token over groups of channels, a residual window in f16. */
export interface KiviKvCache {
  readonly kind: 'kivi';
  readonly keyBits: 2 | 4;
  readonly valueBits: 2 | 4;
  /** Tokens of a group of keys, channels of a group of values (at most headDim, which it divides). */
  readonly groupSize: number;
  /** A multiple of groupSize: most of the last tokens that stay in f16. */
  readonly residualLength: number;
  /** Rows of a prompt attend to packed keys and values, not to what they were. */
  readonly quantizePrefill: boolean;
  /** Of scales, minima and recent rows; f16 when absent. f32 is what the reference computes for a model in f32. */
  readonly precision?: 'f16' | 'f32';
}

/** QRazor (section 10): integers of `baseBits` by token and head, of which every groupSize channels keep 4 significant bits. */
export interface QrazorKvCache {
  readonly kind: 'qrazor';
  readonly bits: 4;
  readonly baseBits: 8 | 16;
  readonly groupSize: number;
}

/** What calibration found for one layer. */
export interface KvquantLayer {
  /** [kvHeads * headDim]: thresholds of the keys before rope. */
  readonly keyLower: Float32Array;
  readonly keyUpper: Float32Array;
  /** [2^bits], in -1 to 1. */
  readonly keyCodebook: Float32Array;
  readonly valueCodebook: Float32Array;
  /** [2] {scale, offset} applied after the codebook (Q-Norm). */
  readonly keyNorm?: Float32Array;
  readonly valueNorm?: Float32Array;
}

/** KVQuant (section 14): keys before rope by channel, values by token, codebooks by layer, outliers apart. */
export interface KvquantKvCache {
  readonly kind: 'kvquant';
  readonly bits: 2 | 3 | 4;
  /** Share of the values that is not kept apart: 0.99; 1: none is. */
  readonly sparsity: number;
  /** So many first tokens stay in f16. */
  readonly firstTokens: number;
  readonly layers: readonly KvquantLayer[];
}

export type PackedKvCache = TokenKvCache | KiviKvCache | QrazorKvCache | KvquantKvCache;
export type KvCache = CacheType | PackedKvCache;

export interface KvTraceOptions {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly positions: number;
  /** So many first positions are one run; the others follow one by one. */
  readonly prompt: number;
}

/** What attention over a packed cache gives, and what the cache holds at the end. */
export interface KvTrace {
  /** [positions, heads * headDim] */
  readonly out: Float32Array;
  /** [positions, kvHeads * headDim], as they are read back. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  /** kivi: packed keys and packed values after the prompt and after every later position. Others: empty. */
  readonly packed: Int32Array;
}
