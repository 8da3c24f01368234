// client <-> engine: JSON-RPC over stdio (vscode-jsonrpc). Only paths, ids and numbers travel here; never weights.
import { NotificationType, ProgressType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { DistanceResult, Metric, StatsResult, TasksResult } from '../runs/results.ts';
import type { EngineErrorData } from './errors.ts';

export const protocolVersion = 1;

/** engine -> client, first message after start. A client of another protocol version must stop and say both numbers. */
export interface Ready {
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  /** Instruction-set level in use, or why the native addon is missing. */
  readonly simd: string | null;
  readonly simdReason: string | null;
  readonly cuda: string | null;
  readonly cudaReason: string | null;
}
export const ready = new NotificationType<Ready>('engine/ready');

/** engine -> client: a line for the log channel. */
export interface LogMessage {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
}
export const log = new NotificationType<LogMessage>('engine/log');

export interface DoctorReport {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: {
    readonly brand: string;
    readonly simd: string;
    readonly available: readonly string[];
    readonly logicalCores: number;
    readonly threads: number;
  } | null;
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number };
  readonly cuda: { readonly available: boolean; readonly reason: string | null };
  /** Packed models kept between loads; null when that is turned off. */
  readonly cache: { readonly directory: string; readonly entries: number; readonly bytes: number } | null;
  /** Device id of hardware/devices that is nearest to this machine. */
  readonly device: string | null;
  readonly problems: readonly string[];
}
/** client -> engine: what this machine can do. */
export const doctor = new RequestType0<DoctorReport, EngineErrorData>('engine/doctor');

export interface InspectParams {
  readonly path: string;
}
export interface TensorRow {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly file: string;
}
export interface InspectReport {
  readonly path: string;
  readonly architecture: string | null;
  readonly parameters: number;
  readonly fileBytes: number;
  readonly quantization: string | null;
  /** Kernel that its linears run in here, or why they do not; null where no quantization_config says what they are. */
  readonly runsIn: string | null;
  readonly bitsPerWeight: number;
  readonly contextLength: number | null;
  readonly hasChatTemplate: boolean;
  readonly tensors: readonly TensorRow[];
}
/** client -> engine: what a model directory or safetensors file holds. Reads headers only. */
export const inspect = new RequestType<InspectParams, InspectReport, EngineErrorData>('engine/inspect');

export interface QuantizeParams {
  readonly modelDir: string;
  readonly configPath: string;
  readonly outDir: string;
  readonly device?: string;
  readonly calibrationPath?: string;
  readonly memoryLimitBytes?: number;
  /** Comes before the config's. */
  readonly priority?: 'normal' | 'background';
  readonly resume?: boolean;
  /** Replace an existing output directory. */
  readonly overwrite?: boolean;
  /** Token under which QuantizeProgress arrives. */
  readonly progressToken?: string;
}
/** What a job will need and make, told before it begins; `quantwright quantize --dry-run` shows it and does nothing else. */
export interface JobPlan {
  readonly outDir: string;
  readonly method: string;
  readonly saveFormat: string;
  /** Quantized linears by kind (q_proj ...), then what stays as it is. Exact, but for tensors whose length depends on the weights. */
  readonly sizes: readonly { readonly kind: string; readonly tensors: number; readonly inputBytes: number; readonly outputBytes: number }[];
  /** Of the weight files, headers included. */
  readonly outputBytes: number;
  readonly freeDiskBytes: number;
  readonly memory: {
    /** The process before the first phase. */
    readonly baseBytes: number;
    readonly limitBytes: number | null;
    /** Of the job: with several outputs, of all of them. */
    readonly peakBytes: number;
    readonly phases: readonly { readonly phase: string; readonly at: string; readonly bytes: number; readonly parts: readonly MemoryPart[] }[];
  };
  /** From a short trial on this machine; null where only the first block will tell (methods that run the model). */
  readonly seconds: number | null;
  readonly calibration: CalibrationReport | null;
}
export interface MemoryPart {
  readonly what: string;
  readonly bytes: number;
}
export interface CalibrationReport {
  readonly text: string;
  readonly sequences: number;
  readonly tokens: number;
  readonly seed: number | null;
}
export type QuantizeProgress =
  | {
      readonly phase: 'plan';
      readonly blocks: number;
      readonly modules: number;
      readonly inputBytes: number;
      readonly outputBytes: number;
      readonly peakMemoryBytes: number;
      /** Left out: no such plan is made of the format (ONNX). */
      readonly plan?: JobPlan;
    }
  | {
      readonly phase: 'module';
      readonly block: number;
      readonly blocks: number;
      readonly module: string;
      readonly index: number;
      readonly modules: number;
      readonly bytesDone: number;
      readonly bytesTotal: number;
      readonly etaSeconds: number | null;
      readonly sqnrDb: number;
    }
  | {
      /** Settings of so many parts of the model were measured (quant_method auto). */
      readonly phase: 'search';
      readonly partsDone: number;
      readonly parts: number;
    }
  | {
      /** A method that trains has made another step: on one block, or (null) on all of them together. */
      readonly phase: 'train';
      readonly block: number | null;
      readonly blocks: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
    }
  | {
      /** Sequences have run through a block; each block is run more than once. */
      readonly phase: 'calibrate';
      readonly block: number;
      readonly blocks: number;
      readonly sequencesDone: number;
      readonly sequences: number;
    }
  | { readonly phase: 'write'; readonly file: string };
export const quantizeProgress = new ProgressType<QuantizeProgress>();

export interface QuantizeResult {
  readonly outDir: string;
  readonly method: string;
  readonly saveFormat: string;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Of the quantized linears, scales and zeros included. */
  readonly bitsPerWeight: number;
  /** The same as the method's paper counts it (spqr), which leaves out the order of columns and the counts of rows. */
  readonly averageBits?: number;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  /** What the plan said, to stand beside what was measured. */
  readonly estimate?: { readonly outputBytes: number; readonly peakMemoryBytes: number; readonly seconds: number | null };
  readonly calibration?: CalibrationReport | null;
  /** Blocks that were trained one by one (zeroquant's lkd), in their order. Their steps were told as `train` progress. */
  readonly training?: readonly BlockTraining[];
  /** What smoothquant's alpha "auto" tried. The output directory has the same as `smoothquant-alphas.json`. */
  readonly alphas?: AlphaCurve;
  readonly modules: readonly { readonly module: string; readonly codec: string; readonly bitsPerWeight: number; readonly sqnrDb: number }[];
  readonly warnings: readonly string[];
}
/** Perplexity of held-out calibration text with each alpha of SmoothQuant, every linear as it is rounded and its inputs as they are quantized. */
export interface AlphaCurve {
  /** The alpha of the least perplexity, which the model was smoothed with. */
  readonly chosen: number;
  /** That were held out. */
  readonly sequences: number;
  readonly tokens: number;
  /** Of the model as it was. */
  readonly floatPerplexity: number;
  /** In the order in which they were asked for. */
  readonly alphas: readonly { readonly alpha: number; readonly perplexity: number }[];
}
/** How a block learned the outputs of its unquantized self. */
export interface BlockTraining {
  readonly block: number;
  /** Mean squared error of every step's own sequences, before its update. */
  readonly losses: readonly number[];
  /** The same over sequences that are kept for comparison, with the weights as they were and as they are written. */
  readonly before: number;
  readonly after: number;
}
/** client -> engine: quantizes a model directory. Cancellable between modules; nothing is left behind then. */
export const quantize = new RequestType<QuantizeParams, QuantizeResult, EngineErrorData>('engine/quantize');

/** Layouts that `convert` re-packs quantized weights into. */
export const convertTargets = ['gptq', 'gptq_v2', 'awq', 'compressed-tensors', 'quantwright', 'gguf'] as const;
export type ConvertTarget = (typeof convertTargets)[number];

export interface ConvertParams {
  /** A model directory, or a GGUF file. */
  readonly modelPath: string;
  readonly to: ConvertTarget;
  readonly outDir: string;
  /** Replace an existing output directory. */
  readonly overwrite?: boolean;
  /** quantwright, compressed-tensors: whether linears read integers of a scale for every token (DashInfer's A8W8), or floats. Default: as in the source. */
  readonly computeMethod?: 'weight_only' | 'activate_quant';
  /** gguf: zero points whose product with the scale is no f16 take a wider block instead of a rounded minimum. */
  readonly exact?: boolean;
  /** Token under which ConvertProgress arrives. */
  readonly progressToken?: string;
}
export interface ConvertProgress {
  readonly tensor: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}
export const convertProgress = new ProgressType<ConvertProgress>();

export interface ConvertResult {
  readonly outDir: string;
  readonly from: string;
  readonly to: ConvertTarget;
  readonly files: readonly string[];
  /** Tensor types or layouts of the quantized linears, with how many have each. */
  readonly linears: readonly { readonly form: string; readonly modules: number }[];
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  readonly warnings: readonly string[];
}
/** client -> engine: re-packs a quantized model into another layout without quantizing again; refused where that cannot be. Cancellable. */
export const convert = new RequestType<ConvertParams, ConvertResult, EngineErrorData>('engine/convert');

export interface PerplexityParams {
  readonly modelDir: string;
  readonly textPath: string;
  /** Tokens per window; default: the model's context, at most 2048. */
  readonly window?: number;
  /** Default: window (no overlap). */
  readonly stride?: number;
  readonly maxTokens?: number;
  /** As `--kv-cache` spells it; default: what the model's config says, else f32. */
  readonly kvCache?: string;
  readonly progressToken?: string;
}
export interface PerplexityProgress {
  readonly windowsDone: number;
  readonly windows: number;
  readonly perplexity: number;
  readonly tokensPerSecond: number;
}
export const perplexityProgress = new ProgressType<PerplexityProgress>();
export interface PerplexityResult {
  readonly perplexity: number;
  readonly bitsPerByte: number;
  readonly totalNats: number;
  readonly predictedTokens: number;
  readonly predictedBytes: number;
  readonly windows: number;
  readonly window: number;
  readonly stride: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly peakMemoryBytes: number;
}
/** client -> engine: perplexity of a text. Cancellable between windows. */
export const perplexity = new RequestType<PerplexityParams, PerplexityResult, EngineErrorData>('engine/perplexity');

export interface TasksParams {
  readonly modelDir: string;
  /** Task files by the names of their tasks. `examples`: the first of this file are the few-shot examples. */
  readonly tasks: readonly { readonly name: string; readonly path: string; readonly examples?: string }[];
  /** Only the first items of every task. */
  readonly limit?: number;
  /** Solved examples before every item; default 0. */
  readonly fewShot?: number;
  /** Of the choice of examples; default 1234. */
  readonly seed?: number;
  /** The tokens that the tokenizer puts before a text (BOS) go before contexts; default false. */
  readonly bos?: boolean;
  /** As --kv-cache spells it. */
  readonly kvCache?: string;
  /** Folder of the run store that the result is appended to, and in which a killed run is gone on with; absent: it is only returned. */
  readonly store?: string;
  readonly progressToken?: string;
}
export interface TasksProgress {
  readonly task: string;
  /** From 0. */
  readonly taskAt: number;
  readonly tasks: number;
  readonly itemsDone: number;
  readonly items: number;
  /** The task's first metric, over the items that are done. */
  readonly metric: Metric['name'];
  readonly value: number;
  /** Since the task began. */
  readonly seconds: number;
}
export const tasksProgress = new ProgressType<TasksProgress>();
/** client -> engine: multiple choice and likelihood tasks. Cancellable between passes; with a store, what was scored is not lost. */
export const tasks = new RequestType<TasksParams, TasksResult & { /** Id of the run in the store. */ readonly run: string | null }, EngineErrorData>(
  'engine/tasks',
);

/** Of `stats` and `distance`. */
export interface AnalysisParams {
  readonly modelDir: string;
  /** The model it was made from. */
  readonly reference?: string;
  readonly textPath: string;
  /** Default: of stats 10, of distance 1. */
  readonly sequences?: number;
  /** Tokens a sequence; default: the model's context, at most 2048. */
  readonly length?: number;
  /** Folder of the run store that the result is appended to; absent: it is only returned. */
  readonly store?: string;
  readonly progressToken?: string;
}
export interface AnalysisProgress {
  /** From 0. */
  readonly block: number;
  /** An output matrix of its own counts as one. */
  readonly blocks: number;
  readonly sequencesDone: number;
  readonly sequences: number;
}
export const analysisProgress = new ProgressType<AnalysisProgress>();
/** client -> engine: statistics of the weights and inputs of every linear, with a reference also their errors. Infinite ratios are the largest number. Cancellable. */
export const stats = new RequestType<AnalysisParams, StatsResult & { /** Id of the run in the store. */ readonly run: string | null }, EngineErrorData>(
  'engine/stats',
);
/** client -> engine: error of what every linear reads, and of what leaves every block, against the reference. Likewise. */
export const distance = new RequestType<
  AnalysisParams & { readonly reference: string },
  DistanceResult & { /** Id of the run in the store. */ readonly run: string | null },
  EngineErrorData
>('engine/distance');

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}
export interface Sampling {
  /** 0 = greedy. */
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  /** Of prompt and answer; 1 = off. */
  readonly repetitionPenalty?: number;
  /** Times the occurrences in the answer; 0 = off. */
  readonly frequencyPenalty?: number;
  /** Once for every token of the answer; 0 = off. */
  readonly presencePenalty?: number;
  /** Token id -> -100 to 100, added to its logit. */
  readonly logitBias?: Readonly<Record<string, number>>;
  /** Equal seeds give equal answers on the same machine. */
  readonly seed?: number;
  readonly maxTokens?: number;
  readonly stop?: readonly string[];
}
export interface ChatParams {
  readonly modelDir: string;
  /** The whole conversation; the engine reuses the longest common prefix of the last turn's cache. */
  readonly messages: readonly ChatMessage[];
  readonly sampling?: Sampling;
  /** Default: text. */
  readonly responseFormat?: ResponseFormat;
  /** Default: lookup. Changes the speed of an answer, never its tokens. */
  readonly speculation?: Speculation;
  /** As `--kv-cache` spells it; default: what the model's config says, else f32. */
  readonly kvCache?: string;
  readonly progressToken?: string;
}
/** json_schema: the answer is JSON that the schema allows; a schema with keywords that cannot be kept is refused with their place. */
export type ResponseFormat = { readonly type: 'text' } | { readonly type: 'json_object' } | { readonly type: 'json_schema'; readonly schema: unknown };
/** Where guesses of the next tokens come from. lookup: from what the conversation says already. draft: from a smaller model with the same tokens. */
export type Speculation = { readonly type: 'off' } | { readonly type: 'lookup' } | { readonly type: 'draft'; readonly modelDir: string };
/** Text that was generated since the last batch (about 30 ms). */
export interface ChatDelta {
  readonly text: string;
  readonly tokens: number;
}
export const chatDelta = new ProgressType<ChatDelta>();
export interface ChatResult {
  readonly text: string;
  readonly finishReason: 'stop' | 'length' | 'cancelled' | 'context';
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly tokens: number;
  readonly prefillTokensPerSecond: number;
  readonly tokensPerSecond: number;
  readonly contextUsed: number;
  readonly contextLength: number;
  /** Of keys and values of the whole context, as the conversation holds them now. */
  readonly cacheBytes: number;
  /** Cache that the answer was written with, as `--kv-cache` spells it, and the bytes that one more token takes in it. */
  readonly kvCache: string;
  readonly kvBytesPerToken: number;
  readonly memoryBytes: number;
  /** Guesses that were verified, and those of them that were right. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
}
/** client -> engine: one chat turn, streamed. Cancelling ends it with finishReason 'cancelled' and the text so far. */
export const chat = new RequestType<ChatParams, ChatResult, EngineErrorData>('engine/chat');

export interface UnloadParams {
  readonly modelDir: string;
}
/** client -> engine: frees the memory of a loaded model. */
export const unload = new RequestType<UnloadParams, null, EngineErrorData>('engine/unload');

/** client -> engine: ends the process after running jobs were cancelled. */
export const shutdown = new RequestType0<null, EngineErrorData>('engine/shutdown');
