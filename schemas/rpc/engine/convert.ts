// engine/convert: a quantized model in another layout.
import { ProgressType, RequestType } from 'vscode-jsonrpc';
import type { EngineErrorData } from '../errors.ts';

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
