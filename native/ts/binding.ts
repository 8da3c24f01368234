// The typed interface of the native addon: the only door from TypeScript to C++ (kernels/).
// Names here are the names of the C++ classes and functions in native/src. Every heavy call returns a Promise and runs off the JS thread.
// Shapes are row-major; `rows` = output features, `cols` = input features of a linear weight W [rows, cols], y = x W^T + bias.

/** Instruction-set levels in rising order. `QUANTWRIGHT_SIMD` forces one (it must be available). */
export type SimdLevel = 'serial' | 'avx2' | 'avxvnni' | 'avx512' | 'avx512vnni' | 'amx' | 'neon' | 'neondot';

export interface CpuInfo {
  readonly brand: string;
  readonly level: SimdLevel;
  readonly available: readonly SimdLevel[];
  /** CPU feature names as the operating system spells them (avx2, fma, f16c, avx512f, avx512_vnni, amx_int8 ...). */
  readonly features: readonly string[];
  readonly logicalCores: number;
  readonly threads: number;
}

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
 * q8, q6, q5, q4, q3, q2: weight-only (activations stay f32). w8a8: 8-bit codes, per-channel, activations quantized per token at run time
 * (q = rint(clamp(x*127/absmax)), int32 dot products; algorithms section 2.3).
 */
export interface AffineWeightSpec {
  readonly codec: 'q8' | 'q6' | 'q5' | 'q4' | 'q3' | 'q2' | 'w8a8';
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
export type WeightSpec = DenseWeightSpec | AffineWeightSpec | GgufWeightSpec | Table4WeightSpec | F8WeightSpec;

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

/** Rounding recipes of algorithms sections 2 and 3; they give different numbers on the same weights. */
export type RtnDialect = 'instant_quant' | 'ist' | 'qllm' | 'inc' | 'awq' | 'compressed_tensors' | 'dashinfer_cpu';

export interface RtnOptions {
  readonly dialect: RtnDialect;
  readonly bits: 2 | 3 | 4 | 8;
  readonly symmetric: boolean;
  /** instant_quant and dashinfer_cpu: signed codes (-128..127) or unsigned (0..2^bits-1). */
  readonly signed?: boolean;
  readonly groupSize: number;
  /** Search of a smaller range (ist/qllm: 80 steps, norm 2.4; inc: one ratio for the tensor). */
  readonly mse?: boolean;
  /** inc, symmetric: scale = absmax / 2^(bits-1), possibly negative. */
  readonly fullRange?: boolean;
  /** inc: clip ratio. */
  readonly quantile?: number;
  /** Returned scale and zero are rounded to this type; codes are computed before that rounding. */
  readonly scaleType: 'f32' | 'f16' | 'bf16';
}

export interface RtnResult {
  /** Int8Array when the dialect's codes are signed. [rows, cols] */
  readonly codes: Int8Array | Uint8Array;
  readonly scale: Float32Array;
  readonly zero: Float32Array;
  readonly groups: number;
  /** 10 log10(sum w^2 / sum (w-w')^2), with the rounded scales; Infinity when exact. */
  readonly sqnrDb: number;
  /** Mean of (w-w')^2. */
  readonly mse: number;
  /** First non-finite weight as [row, col], or null. Codes are not meaningful then. */
  readonly notFinite: readonly [number, number] | null;
}

export interface FactorOptions {
  /** Of the Hessian: 2 / samples makes a sum of x^T x the reference's. Matters for the loss, and for the order of columns without input. */
  readonly scale: number;
  /** Part of the mean diagonal that is added to the diagonal, between 0 and 1; doubled until the factorization succeeds. */
  readonly dampPercent: number;
  /** Columns by falling diagonal. */
  readonly descAct: boolean;
}

/** What all matrices that read the same input share: U with inverse(H) = U^T U, packed (kernels/solve/gptq/factor.h). */
export interface HessianFactor {
  readonly width: number;
  readonly upper: Float32Array;
  /** [width] Column at every place. */
  readonly order: Int32Array;
  /** [width] 1: the input was always 0. */
  readonly dead: Uint8Array;
  readonly deadColumns: number;
  /** What it took. */
  readonly dampPercent: number;
}

/** GPTQ on the grid of the dialect `ist`: unsigned codes, symmetric zero 2^(bits-1). */
export interface GptqOptions {
  readonly bits: 2 | 3 | 4 | 8;
  readonly symmetric: boolean;
  readonly groupSize: number;
  /** Search of a smaller range: 80 steps, norm 2.4. */
  readonly mse?: boolean;
  /** Groups of columns in their own order, fitted before any error is moved. */
  readonly staticGroups?: boolean;
  /** Scales are rounded to this type before codes are made. */
  readonly scaleType: 'f32' | 'f16' | 'bf16';
}

export interface GptqResult {
  /** [rows, cols], columns as in the source. */
  readonly codes: Uint8Array;
  /** [rows, groups] */
  readonly scale: Float32Array;
  readonly zero: Float32Array;
  readonly groups: number;
  /** [cols] Group of every column. */
  readonly gIdx: Int32Array;
  /** sum ((w - w') / U[i, i])^2 / 2 */
  readonly loss: number;
  /** As RtnResult. */
  readonly sqnrDb: number;
  readonly mse: number;
  readonly notFinite: readonly [number, number] | null;
}

/** A value of a program: `width` f32 elements per token. Index into ProgramSpec.values. */
export type ValueId = number;

export type Op =
  | { readonly op: 'embed'; readonly table: Weight; readonly out: ValueId }
  /** `heads`: so many parts of a row, each normed on its own by the same weight [width / heads] (q and k norms). */
  | { readonly op: 'rmsnorm'; readonly in: ValueId; readonly out: ValueId; readonly weight: Float32Array; readonly eps: number; readonly heads?: number }
  | { readonly op: 'layernorm'; readonly in: ValueId; readonly out: ValueId; readonly weight: Float32Array; readonly bias?: Float32Array; readonly eps: number }
  | { readonly op: 'linear'; readonly in: ValueId; readonly out: ValueId; readonly weight: Weight; readonly bias?: Float32Array }
  /** In place on [heads * headDim]; half-split pairs (i, i + rotated/2); inverseFrequency [rotated/2], rotated <= headDim; positions from the session. */
  | {
      readonly op: 'rope';
      readonly value: ValueId;
      readonly heads: number;
      readonly headDim: number;
      readonly inverseFrequency: Float32Array;
      readonly attentionScale: number;
    }
  /** Causal attention over the session's cache of `layer`; appends k, v first. window: keys with i - j < window are visible. */
  | {
      readonly op: 'attention';
      readonly q: ValueId;
      readonly k: ValueId;
      readonly v: ValueId;
      readonly out: ValueId;
      readonly layer: number;
      readonly heads: number;
      readonly kvHeads: number;
      readonly headDim: number;
      readonly scale: number;
      readonly window?: number;
      /** Scores become softcap * tanh(score / softcap). */
      readonly softcap?: number;
    }
  /** `parts` (1) pieces of equal width, piece p from column offset + p * stride of `in`: q, k or v of a fused matrix. */
  | { readonly op: 'slice'; readonly in: ValueId; readonly out: ValueId; readonly offset: number; readonly parts?: number; readonly stride?: number }
  /** out = in + table[offset + position] */
  | { readonly op: 'position'; readonly in: ValueId; readonly out: ValueId; readonly table: Weight; readonly offset?: number }
  /** out = f(in), times `up` where given. softcap: number * tanh(in / number); scale: number * in. */
  | {
      readonly op: 'activate';
      readonly kind: 'relu' | 'gelu' | 'gelu_tanh' | 'softcap' | 'scale';
      readonly in: ValueId;
      readonly up?: ValueId;
      readonly out: ValueId;
      readonly number?: number;
    }
  /** out = silu(gate) * up */
  | { readonly op: 'silu_mul'; readonly gate: ValueId; readonly up: ValueId; readonly out: ValueId }
  /** out = a + b (out may be a or b) */
  | { readonly op: 'add'; readonly a: ValueId; readonly b: ValueId; readonly out: ValueId }
  /**
   * Statistics of a value over every token that runs, kept in slot `slot` until `observed` reads them:
   * absmax -> [width] running max |x|; hessian -> [width, width] sum of x^T x (f32); capture -> [tokens, width] copies.
   */
  | { readonly op: 'observe'; readonly in: ValueId; readonly kind: 'absmax' | 'hessian' | 'capture'; readonly slot: number };

export interface ProgramSpec {
  /** `tokens`: the first op is `embed`. `hidden`: value 0 is given by the caller (block programs of calibration). */
  readonly input: 'tokens' | 'hidden';
  /** Width of every value. */
  readonly values: readonly number[];
  /** Run for every token. */
  readonly body: readonly Op[];
  /** Run only for the rows whose result is wanted (final norm, lm_head). May be empty. */
  readonly head: readonly Op[];
  /** The value that `run` returns (of the head, or of the body when the head is empty). */
  readonly output: ValueId;
}

export type CacheType = 'f32' | 'f16';

/** KV cache and position of one sequence. */
export interface Session {
  readonly length: number;
  readonly capacity: number;
  readonly cacheBytes: number;
  /** Forgets everything after the first `length` tokens (prefix reuse, edits). */
  truncate(length: number): void;
}

/** Rows of one of several sequences that run together. */
export interface ProgramPart {
  readonly session: Session;
  /** Tokens, or hidden states [count, width]. */
  readonly input: Int32Array | Float32Array;
  /** Whose output is wanted. */
  readonly rows: 'all' | 'last' | 'none';
}

/** Tokens of one of several sequences that are scored together. */
export interface ScoredPart {
  readonly session: Session;
  readonly tokens: Int32Array;
  readonly from: number;
}

/** Filters and penalties in this order: bias, repetition, frequency and presence, mask, temperature, top-k, top-p, min-p (kernels/sample/README.md). */
export interface SamplerSpec {
  /** Width of the program's output. */
  readonly vocabulary: number;
  /** 0 (default): greedy, of equal largest logits the lowest id. */
  readonly temperature?: number | undefined;
  /** 0 (default): off. */
  readonly topK?: number | undefined;
  /** 1 (default): off. */
  readonly topP?: number | undefined;
  /** 0 (default): off. */
  readonly minP?: number | undefined;
  /** Of prompt and generated tokens; 1 (default): off. */
  readonly repetitionPenalty?: number | undefined;
  /** Times the occurrences among generated tokens; 0 (default): off. */
  readonly frequencyPenalty?: number | undefined;
  /** Once for every generated token; 0 (default): off. */
  readonly presencePenalty?: number | undefined;
  /** Random numbers are SplitMix64 at place seed + drawn; an integer, 0 by default. */
  readonly seed?: number | undefined;
  /** Added to the logits of these ids. */
  readonly biasIds?: Int32Array | undefined;
  /** [biasIds.length] */
  readonly bias?: Float32Array | undefined;
}

export interface Sampler {
  /** Tokens drawn so far: the place of the next random number. */
  drawn: number;
  /** Tokens of the prompt, for the repetition penalty. */
  observe(tokens: Int32Array): void;
  /** One token from `logits` [vocabulary], which are changed. mask [ceil(vocabulary / 32)]: bit i of word i / 32 allows token i. */
  sample(logits: Float32Array, mask?: Int32Array): number;
}

/** Most guesses that a step verifies. */
export const mostDrafted = 7;

/** A sequence whose next token is sampled where its logits lie. */
export interface StepPart {
  readonly session: Session;
  /** Appended; the last `drafted` (at most mostDrafted, fewer than all) are guesses. */
  readonly input: Int32Array;
  readonly drafted: number;
  readonly sampler: Sampler;
  /** [drafted + 1, ceil(width / 32)] as of `Sampler.sample`; must not change before the step is done. */
  readonly masks?: Int32Array | undefined;
}

export interface Program {
  /** capacity: most tokens the session can hold. */
  createSession(capacity: number, cache: CacheType): Session;
  /** Appends tokens and returns output rows f32: 'all' -> [tokens, width], 'last' -> [1, width], 'none' -> empty. */
  run(session: Session, input: Int32Array | Float32Array, rows: 'all' | 'last' | 'none'): Promise<Float32Array>;
  /**
   * The same of several sequences at once, each with its own session: linears see the rows of all of them. One array for each part (views of one buffer).
   * A part gets what it would get alone, but for the rounding of kernels that choose by the number of rows (at most 8, or more). Rejected as a whole.
   */
  runBatch(parts: readonly ProgramPart[]): Promise<readonly Float32Array[]>;
  /**
   * Appends tokens, the last `drafted` of which are guesses, and samples what follows where its logits lie; while a guess is what was sampled, what follows it
   * is sampled too. Resolves to the sampled tokens, 1 to drafted + 1; the session keeps no wrong guesses. The tokens are those of single steps, bit for bit,
   * but where linears sum by the number of rows (kernels/linear/README.md).
   */
  step(session: Session, tokens: Int32Array, drafted: number, sampler: Sampler, masks?: Int32Array): Promise<Int32Array>;
  /** Steps and runs at once, as runBatch. Sampled tokens for a step; when its sampling failed, an Error in its place, and its session keeps its length. */
  stepBatch(parts: readonly (ProgramPart | StepPart)[]): Promise<readonly (Float32Array | Int32Array | Error)[]>;
  /**
   * Negative log-likelihood in nats of tokens[i+1] given tokens[0..i] (and the session's past), for i from `from` to tokens.length - 2;
   * log-softmax in f32 with f64 sums. Logits are made in small batches, never kept. Float64Array [tokens.length - 1 - from].
   */
  score(session: Session, tokens: Int32Array, from: number): Promise<Float64Array>;
  /** The same of several sequences at once, as runBatch. */
  scoreBatch(parts: readonly ScoredPart[]): Promise<readonly Float64Array[]>;
  /** Reads slot `slot` of an observe op, or null when nothing ran. */
  observed(slot: number): Float32Array | null;
  resetObservers(): void;
  readonly weightBytes: number;
  /** Scratch the plan needs, in bytes. */
  readonly scratchBytes: number;
}

export interface NativeBinding {
  readonly abi: number;
  cpuInfo(): CpuInfo;
  /** Threads of the pool, 1..64. Affects programs, matmul and quantizers from the next call on. */
  setThreads(count: number): void;
  openFile(path: string): MappedFile;
  createWeight(spec: WeightSpec): Promise<Weight>;
  /** Changes with the packed layout of any codec: what was saved under another value is of no use. */
  readonly savedLayouts: string;
  /**
   * A weight that saveWeights wrote, used where it is mapped: nothing is copied. The range begins at a multiple of 64. Rejects with `QW_UNSUPPORTED` for
   * another version and with `QW_INVALID_ARGUMENT` for damaged bytes.
   */
  restoreWeight(range: FileRange): Promise<Weight>;
  /**
   * Writes a new file: `head`, then every weight at its offset (rising multiples of 64, zeros between them), and waits until it is on the disk.
   * Rejects with `QW_IO`, and leaves no file, when it exists already or cannot be written.
   */
  saveWeights(path: string, head: Uint8Array, weights: readonly { readonly weight: Weight; readonly offset: number }[]): Promise<void>;
  /** Hash of bytes, 16 hexadecimal digits: tells changes, keeps no secrets. XXH64 of the XXH64 of its pieces (kernels/abi/hash.h). */
  hashRange(range: Bytes): Promise<string>;
  createProgram(spec: ProgramSpec): Program;
  /** Throws QW_INVALID_ARGUMENT naming the value that is outside its range. */
  createSampler(spec: SamplerSpec): Sampler;
  /** Round-to-nearest quantization of one matrix on the thread pool. */
  quantizeRtn(source: DenseSource, options: RtnOptions): Promise<RtnResult>;
  /** hessian [width, width], symmetric. Rejects when it is not finite, or singular beyond damping. */
  factorHessian(hessian: Float32Array, width: number, options: FactorOptions): Promise<HessianFactor>;
  /** Rounds one matrix, every column making up for the errors of those before it. */
  quantizeGptq(source: DenseSource, factor: HessianFactor, options: GptqOptions): Promise<GptqResult>;
  /** f32 copy of a stored matrix. */
  widen(source: DenseSource): Promise<Float32Array>;
  /** GPTQ layout (section 18.1): codes [rows, cols] unsigned -> int32 words [ceil(cols*bits/32), rows] little endian. */
  packGptq(codes: Uint8Array, rows: number, cols: number, bits: PackedBits): Promise<Uint8Array>;
  /** Inverse of packGptq: -> codes [rows, cols]. */
  unpackGptq(words: Bytes, rows: number, cols: number, bits: PackedBits): Promise<Uint8Array>;
  /** Row-major packing along the last dimension (GPTQ qzeros; compressed-tensors weight_packed, section 18.3): [rows, ceil(cols*bits/32)] words. */
  packRows(codes: Uint8Array, rows: number, cols: number, bits: PackedBits): Promise<Uint8Array>;
  unpackRows(words: Bytes, rows: number, cols: number, bits: PackedBits): Promise<Uint8Array>;
}
