// A run of the evaluation lab: one JSON file in `.quantwright/runs/`, named after its id. What `quantwright eval`, `compare`, `bench kernels` and `sweep` append
// and reports read. Files of a later version are listed, not read.
import type { CompareResult, DistanceResult, KernelsResult, NeedleResult, PerplexityRunResult, StatsResult, TasksResult } from './results.ts';

export const runFormat = 'quantwright-run';
export const runVersion = 1;

export interface RunModel {
  /** Relative to the workspace that the store lies in, where it is inside it. */
  readonly path: string;
  readonly name: string;
  readonly architecture: string | null;
  readonly parameters: number;
  /** Of the weight files. */
  readonly bytes: number;
  /** Of the quantized linears; of the file's element type where nothing is quantized. */
  readonly bitsPerWeight: number;
  /** Of the weight files' names, sizes and headers: the same model, wherever it lies. */
  readonly fingerprint: string;
  /** How the model was quantized, as a row of a table says it ("GPTQ int4 g128"); null: it is not. */
  readonly method: string | null;
  /** KV cache of the run, as `--kv-cache` spells it. */
  readonly kvCache: string;
}

export interface RunMachine {
  readonly cpu: string;
  readonly level: string;
  readonly threads: number;
  readonly memoryBytes: number;
}

export type RunResult =
  | { readonly kind: 'ppl'; readonly result: PerplexityRunResult }
  | { readonly kind: 'tasks'; readonly result: TasksResult }
  | { readonly kind: 'needle'; readonly result: NeedleResult }
  | { readonly kind: 'compare'; readonly result: CompareResult }
  | { readonly kind: 'stats'; readonly result: StatsResult }
  | { readonly kind: 'distance'; readonly result: DistanceResult }
  | { readonly kind: 'kernels'; readonly result: KernelsResult };

export type Run = RunResult & {
  readonly format: typeof runFormat;
  readonly version: typeof runVersion;
  /** Sorts by time: 20261123T120000Z-ppl-quill-16m-3f2a. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly seconds: number;
  readonly quantwright: string;
  /** What repeats the run. */
  readonly command: readonly string[];
  /** Null for kernels, which have no model. */
  readonly model: RunModel | null;
  readonly machine: RunMachine;
  readonly peakMemoryBytes: number;
  /** The sweep it belongs to. */
  readonly sweep?: string;
};
