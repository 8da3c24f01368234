// The runtimes a config can be judged for. Whether there are support rows for one is told by `rows`.
import type { RuntimeId } from '../target.ts';

export interface Runtime {
  readonly id: RuntimeId;
  readonly name: string;
  /** Newest first; empty when no rows depend on the version. */
  readonly versions: readonly string[];
  /** False: no support rows in this version; verdicts are `unknown`. */
  readonly rows: boolean;
}

export const runtimes: readonly Runtime[] = [
  { id: 'quantwright', name: 'Quantwright', versions: ['0.1.0'], rows: true },
  { id: 'dashinfer', name: 'DashInfer', versions: ['2.1', '2.0'], rows: true },
  { id: 'vllm', name: 'vLLM', versions: [], rows: false },
  { id: 'sglang', name: 'SGLang', versions: [], rows: false },
  { id: 'transformers', name: 'Transformers', versions: [], rows: false },
  { id: 'tensorrt-llm', name: 'TensorRT-LLM', versions: [], rows: false },
  { id: 'llama.cpp', name: 'llama.cpp', versions: [], rows: false },
  { id: 'neural-compressor', name: 'Neural Compressor', versions: [], rows: false },
  { id: 'onnxruntime', name: 'ONNX Runtime', versions: [], rows: false },
];

export function findRuntime(id: string): Runtime | null {
  return runtimes.find((runtime) => runtime.id === id) ?? null;
}
