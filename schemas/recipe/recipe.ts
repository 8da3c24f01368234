// Recipe: the one normal form that every quantization config lowers to. Rules, the support judge and the engine see only this.
// Pure data; null means "the config does not say and no default applies".

import type { KvSetting } from '../kv/setting.ts';

/** The engine's methods first; then those that only other tools make, known here so that every config can be judged. */
export type QuantMethod =
  | 'instant_quant'
  | 'rtn'
  | 'gptq'
  | 'awq'
  | 'teq'
  | 'spqr'
  | 'bcq'
  | 'qrazor'
  | 'smoothquant'
  | 'llm_int8'
  | 'zeroquant'
  | 'w8a8_static'
  | 'aqlm'
  | 'auto_round'
  | 'bitnet'
  | 'bitsandbytes'
  | 'eetq'
  | 'exl2'
  | 'fp8'
  | 'fp_quant'
  | 'higgs'
  | 'hqq'
  | 'kquant'
  | 'mxfp4'
  | 'mxfp8'
  | 'nvfp4'
  | 'quanto'
  | 'quark'
  | 'sinq'
  | 'torchao'
  | 'vptq';

/** weight_only: activations stay 16/32-bit. activate_quant: integer activations and integer dot products (A8W8). */
export type ComputeMethod = 'weight_only' | 'activate_quant';
/** bitsandbytes: LLM.int8() alone. safetensors: ordinary weights of a model that was only rescaled. */
export type SaveFormat = 'quantwright' | 'gptq' | 'gptq_v2' | 'awq' | 'compressed-tensors' | 'gguf' | 'bitsandbytes' | 'safetensors';

export interface WeightRecipe {
  readonly dtype: WeightDtype;
  readonly bits: number;
  readonly signed: boolean;
  readonly symmetric: boolean;
  /** Consecutive input features that share one scale; -1 = per channel (one group a row). */
  readonly groupSize: number;
  readonly zeroPoint: 'none' | 'integer' | 'float';
  /** GPTQ activation order (desc_act). */
  readonly descAct: boolean;
  readonly staticGroups: boolean;
  /** [rows, columns] of a block that shares one scale (fp8 128x128); null or left out: rows and groups, not blocks. */
  readonly block?: readonly [number, number] | null;
  /** Left out: false. bitsandbytes: the scales are quantized themselves, to 8 bits with a 32-bit scale for 256 of them. */
  readonly doubleQuant?: boolean;
}

/** Element type of the codes: integers, small floats with or without shared exponents, or indices into a codebook. */
export type WeightDtype = 'int' | 'fp8_e4m3' | 'fp8_e5m2' | 'fp4' | 'nf4' | 'mxfp4' | 'mxfp8' | 'nvfp4' | 'codebook';

export interface KvCacheRecipe {
  readonly dtype: 'int' | 'fp8_e4m3' | 'fp8_e5m2' | 'nvfp4' | 'codebook';
  readonly bits: number;
  readonly method: string | null;
  readonly symmetric: boolean;
  readonly strategy: 'per_tensor' | 'per_token' | 'per_channel' | 'per_head' | 'group' | null;
  readonly groupSize: number | null;
}

export interface ActivationRecipe {
  /** Left out: integers. */
  readonly dtype?: 'int' | 'fp8_e4m3' | 'fp8_e5m2' | 'nvfp4' | 'mxfp4' | 'mxfp8';
  readonly bits: number;
  readonly symmetric: boolean;
  readonly granularity: 'per_token' | 'per_tensor' | 'group' | 'per_channel';
  readonly dynamic: boolean;
  /** Whose rounding: `ActivationSpec` of native/ts/activations.ts. Left out: dashinfer. */
  readonly rule?: ActivationRule;
  /** llm_int8: columns with a value of at least this stay in floating point. */
  readonly threshold?: number;
  /** qrazor: integers whose significant bits are kept, and how many of them share a shift. */
  readonly baseBits?: 8 | 16;
  readonly groupSize?: number;
}

/**
 * dashinfer: absmax / 127, multiplied by the reciprocal. smoothquant: absmax / (2^(bits-1) - 1), divided.
 * zeroquant: 2 absmax / 2^bits, or (max - min) / 2^bits with a zero point. affine: (max - min) / (2^bits - 1), the range including 0.
 * llm_int8: as dashinfer beside columns with outliers, which stay in floating point. qrazor: significant bits of a base integer.
 */
export type ActivationRule = 'dashinfer' | 'smoothquant' | 'zeroquant' | 'affine' | 'llm_int8' | 'qrazor';

export interface Calibration {
  /** Path (relative to the config file) or a known dataset name, as written. */
  readonly dataset: string | null;
  readonly samples: number;
  readonly sequenceLength: number;
  /** Draws the sequences at random; null or left out: spread evenly over the text. */
  readonly seed?: number | null;
}

export interface SmoothQuantRecipe {
  /** How much of the activations' range goes into the weights: 0 none, 1 all. auto: the best of `alphas` on text that is held out. */
  readonly alpha: number | 'auto';
  /** Tried with auto; left out: 0.3 to 0.9 by 0.05. */
  readonly alphas?: readonly number[];
}

/** ZeroQuant: groups over the flat weights, and distillation of chosen blocks. */
export interface ZeroquantRecipe {
  /** Equal parts that the flattened matrix is cut in, each with a scale; null: one a row (or group_size columns). */
  readonly quantizeGroups: number | null;
  readonly lkd: LkdRecipe | null;
}

/** Layer-by-layer knowledge distillation: each block learns the outputs of its unquantized self. */
export interface LkdRecipe {
  /** Blocks that are trained, from 0; negative ones count from the end. */
  readonly blocks: 'all' | readonly number[];
  /** What a block reads while it learns: the hidden states of the model in full precision, or those behind the blocks before it as they were written. */
  readonly inputs: 'original' | 'quantized';
  readonly steps: number;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly weightDecay: number;
}

/** Calibrated scales of activations (Neural Compressor's observers). */
export interface StaticRecipe {
  readonly observer: 'minmax' | 'moving_average' | 'percentile' | 'kl';
  /** percentile: part of the values inside the range, in percent. */
  readonly percentile: number;
  /** moving_average: how much of the old range stays. */
  readonly momentum: number;
  /** percentile and kl: bins of the histogram. */
  readonly bins: number;
}

export interface SpqrRecipe {
  /** Of the quantized scales and zeros, 1 to 8. */
  readonly scaleBits: number;
  readonly zeroBits: number;
  /** Zeros are rounded before they are quantized. */
  readonly roundZero: boolean;
  /** Zeros are quantized around 0. */
  readonly zeroSymmetric: boolean;
  /** Groups are fitted on all their weights, outliers or not. */
  readonly simplifiedOutliers: boolean;
  /** Relative: what squared errors are compared with, in parts of their scale in the matrix. */
  readonly outlierThreshold: number;
  /** The threshold of every matrix is searched instead, so that its weights take so many bits on average; null: it is not. */
  readonly targetBits: number | null;
}

export interface AwqRecipe {
  /** Scales follow the weights' magnitudes too, not only those of what they read. */
  readonly duoScaling: boolean;
  /** Search a smaller range for every group once the scales are chosen. */
  readonly applyClip: boolean;
  /** Scales that are tried, and steps of the range down to 0. */
  readonly grid: number;
  /** The smallest range that is tried, as the part of the range that is taken away. */
  readonly maxShrink: number;
}

/** Settings that a search chooses from for every part of every block, within a size budget. */
export interface SearchRecipe {
  /** Stored bits per quantized weight, scales and zero points included. */
  readonly targetBits: number;
  readonly candidates: readonly Partial<WeightRecipe>[];
  /** input: linears that read the same get the same settings. block: all linears of a block. */
  readonly granularity: 'input' | 'block';
  /** Sequences that each measurement runs, and their tokens. */
  readonly samples: number;
  readonly sequenceLength: number;
}

export interface TeqRecipe {
  /** lm_loss: cross entropy of the whole model, the reference. layer_wise: squared error of each block's output, an approximation in the memory of one block. */
  readonly mode: 'lm_loss' | 'layer_wise';
  /** Updates; of each block with layer_wise. */
  readonly steps: number;
  readonly learningRate: number;
  /** Part of the steps in which the learning rate rises from 0, before it falls to 0. */
  readonly warmup: number;
  /** Sequences of one update. */
  readonly batchSize: number;
}

export interface QrazorRecipe {
  /** Integers before they are razored. */
  readonly baseBits: 8 | 16;
  /** What happens where a magnitude would round past the codes (kernels/solve/qrazor). */
  readonly rule: 'qllm' | 'original';
  /** Refit the scale by least squares on the razored integers. */
  readonly compAware: boolean;
  /** Inside GPTQ: whether a group is of rows of a column or of columns of a row. Alone: inputs, always. */
  readonly groupAxis: 'inputs' | 'outputs';
}

/** Binary-coding quantization. */
export interface BcqRecipe {
  /** 0: greedy, 1: refined, from 2 on: alternating. */
  readonly rounds: number;
  /** Signs of a round are the nearest sum; false: greedily, plane by plane. */
  readonly useBst: boolean;
}

/** First match wins; matched against full module names such as model.layers.0.mlp.down_proj. */
export interface ModuleOverride {
  readonly pattern: string;
  readonly weights: Partial<WeightRecipe>;
  /** Of these modules instead of the recipe's; null: not quantized. Left out: the recipe's. */
  readonly activations?: ActivationRecipe | null;
}

export interface Recipe {
  /** Id of the config format this was lowered from (schemas/configs/<format>). */
  readonly format: string;
  /** What runtimes dispatch on, as they name it: gptq, awq, compressed-tensors, fp8, modelopt, bitsandbytes ... */
  readonly scheme: string;
  /** Variant within the scheme as written: checkpoint format, algorithm, config class (gptq_v2, gemm, pack-quantized, W4A16_AWQ). */
  readonly variant: string | null;
  /** Pipeline, in order; usually one. */
  readonly methods: readonly QuantMethod[];
  readonly weights: WeightRecipe;
  readonly activations: ActivationRecipe | null;
  readonly computeMethod: ComputeMethod;
  /** Regular expressions (start-anchored, on full module names) of modules left in floating point. */
  readonly ignore: readonly string[];
  readonly overrides: readonly ModuleOverride[];
  /** The output matrix is quantized too, where it is a matrix of its own and `ignore` does not name it. Left out: false. */
  readonly lmHead?: boolean;
  /** RTN dialect (algorithms section 3); null for methods that have none. */
  readonly dialect: 'instant_quant' | 'ist' | 'qllm' | 'inc' | 'awq' | 'compressed_tensors' | 'dashinfer_cpu' | null;
  /** Whose rounding to the values of nf4 and fp4; left out: Neural Compressor's. */
  readonly tableDialect?: 'inc' | 'bitsandbytes';
  readonly mseSearch: boolean;
  readonly fullRange: boolean;
  readonly dampPercent: number;
  readonly trueSequential: boolean;
  readonly calibration: Calibration | null;
  /** Null or left out: the settings are what the recipe says. */
  readonly search?: SearchRecipe | null;
  /** Null: a layout that only other tools write. */
  readonly saveFormat: SaveFormat | null;
  /** How scales (and float zeros) are stored. */
  readonly scaleType: 'f16' | 'bf16' | 'f32';
  readonly memoryLimitBytes: number | null;
  /** Left out: normal. background: fewer threads, a low priority and pauses, so that other work goes on as if there were no job. */
  readonly priority?: 'normal' | 'background';
  readonly kvCache: KvCacheRecipe | null;
  /** What chats and measurements of the written model keep keys and values in, where they are not told otherwise; left out: nothing is said. */
  readonly kvSetting?: KvSetting;
  /** Options of SmoothQuant; left out: its defaults. */
  readonly smoothquant?: SmoothQuantRecipe;
  /** Options of ZeroQuant; left out: its defaults. */
  readonly zeroquant?: ZeroquantRecipe;
  /** Options of w8a8_static; left out: its defaults. */
  readonly w8a8Static?: StaticRecipe;
  /** Options of SpQR; left out: its defaults. */
  readonly spqr?: SpqrRecipe;
  /** Options of AWQ; left out: its defaults. */
  readonly awq?: AwqRecipe;
  /** Options of TEQ; left out: its defaults. */
  readonly teq?: TeqRecipe;
  /** Options of QRazor; left out: its defaults. */
  readonly qrazor?: QrazorRecipe;
  /** Options of BCQ; left out: its defaults. */
  readonly bcq?: BcqRecipe;
  /** Type the layers compute in, where the config names one (bnb_4bit_compute_dtype). */
  readonly computeDtype: string | null;
}

/** Fields of a Recipe that findings point at; dotted for nested ones. */
export type RecipeField =
  | 'methods'
  | 'weights'
  | 'weights.bits'
  | 'weights.signed'
  | 'weights.symmetric'
  | 'weights.groupSize'
  | 'weights.descAct'
  | 'weights.dtype'
  | 'activations'
  | 'activations.bits'
  | 'activations.symmetric'
  | 'activations.granularity'
  | 'activations.dynamic'
  | 'activations.threshold'
  | 'smoothquant.alpha'
  | 'zeroquant.quantizeGroups'
  | 'zeroquant.lkd'
  | 'w8a8Static'
  | 'computeMethod'
  | 'ignore'
  | 'overrides'
  | 'lmHead'
  | 'calibration'
  | 'saveFormat'
  | 'scaleType'
  | 'memoryLimitBytes'
  | 'dampPercent'
  | 'weights.block'
  | 'scheme'
  | 'variant'
  | 'kvCache'
  | 'computeDtype';
