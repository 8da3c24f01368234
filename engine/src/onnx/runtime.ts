// onnxruntime-node, where the user has it: the float graph runs in it for methods that are calibrated. It is no part of this product; rounding needs none.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';

export interface OrtTensor {
  readonly type: string;
  readonly data: ArrayBufferView & ArrayLike<number | bigint>;
  readonly dims: readonly number[];
}

export interface OrtSession {
  readonly inputNames: readonly string[];
  run(feeds: Readonly<Record<string, OrtTensor>>, fetches: readonly string[]): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

export interface OnnxRuntime {
  readonly InferenceSession: { create(file: string, options?: object): Promise<OrtSession> };
  readonly Tensor: new (type: string, data: OrtTensor['data'], dims: readonly number[]) => OrtTensor;
}

/** Looked for in the folder that QUANTWRIGHT_ONNXRUNTIME names, then in the current one, then beside the engine. Throws kind `input` with how to get it. */
export function loadOnnxRuntime(method: string): OnnxRuntime {
  const named = process.env['QUANTWRIGHT_ONNXRUNTIME'];
  const folders = [...(named === undefined ? [] : [named]), process.cwd()].map((folder) => join(folder, 'package.json'));
  let why: unknown;
  for (const place of [...folders, import.meta.url]) {
    try {
      return createRequire(place)('onnxruntime-node') as OnnxRuntime;
    } catch (cause) {
      why ??= cause;
    }
  }
  throw new EngineError(
    'input',
    `${method} is calibrated by running the model, and an ONNX model runs in onnxruntime-node, which is not installed: npm install onnxruntime-node in the current folder, or name the folder that has it in QUANTWRIGHT_ONNXRUNTIME; rtn needs no runtime`,
    { cause: why },
  );
}
