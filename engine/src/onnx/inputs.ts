// What the matrices of an ONNX graph read on calibration sequences: the float graph runs with those values as outputs, and their x^T x is summed. Hessians of
// a few inputs are held at once; the sequences run again for the next ones, so that memory does not grow with the number of layers.
import type { NativeBinding } from '@quantwright/native/binding';
import { transpose } from '../checkpoint/transposed.ts';
import { hessianInputs, type SharedInputs } from '../methods/hessian.ts';
import type { LayerInputs } from '../methods/method.ts';
import type { OnnxLinear } from './linears.ts';
import type { OnnxModel } from './model.ts';
import type { OnnxRuntime } from './runtime.ts';
import { openWatched } from './watched.ts';

export interface OnnxInputsOptions {
  readonly sequences: readonly Int32Array[];
  readonly dampPercent: number;
  /** Bytes of Hessians that may be held at once; one is held in any case. */
  readonly budgetBytes: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (sequencesDone: number) => void;
}

export interface OnnxInputs {
  /** Of linears in the order of the graph. */
  of(linear: OnnxLinear): Promise<LayerInputs>;
  close(): Promise<void>;
}

/** `linears`: in the order of the graph. Throws as `openWatched`. */
export async function openOnnxInputs(
  runtime: OnnxRuntime,
  binding: NativeBinding,
  model: OnnxModel,
  linears: readonly OnnxLinear[],
  options: OnnxInputsOptions,
): Promise<OnnxInputs> {
  const watched = await openWatched(runtime, binding, model, linears);
  const { widths } = watched;
  let current = new Map<string, SharedInputs>();
  const collect = async (from: string): Promise<void> => {
    for (const inputs of current.values()) await inputs.release();
    const sums = new Map<string, Float32Array>();
    let bytes = 0;
    for (const [name, width] of [...widths].slice([...widths.keys()].indexOf(from))) {
      bytes += 4 * width * width;
      if (sums.size > 0 && bytes > options.budgetBytes) break;
      sums.set(name, new Float32Array(width * width));
    }
    for (const [index, ids] of options.sequences.entries()) {
      options.signal?.throwIfAborted();
      const values = await watched.run(ids, [...sums.keys()]);
      for (const [name, sum] of sums) await addProducts(binding, sum, values.get(name) ?? new Float32Array(), widths.get(name) ?? 0);
      options.onProgress(index + 1);
    }
    current = new Map(
      [...sums].map(([name, sum]) => [
        name,
        hessianInputs(binding, async () => binding.createHessian(sum, widths.get(name) ?? 0), {
          dampPercent: options.dampPercent,
          samples: options.sequences.length,
        }),
      ]),
    );
  };
  return {
    of: async ({ node }) => {
      const name = node.input[0] ?? '';
      if (!current.has(name)) await collect(name);
      const inputs = current.get(name);
      if (inputs === undefined) throw new Error(`${name} is no input of a linear`);
      return inputs;
    },
    close: async () => {
      for (const inputs of current.values()) await inputs.release();
      await watched.close();
    },
  };
}

/** sum += x^T x of x [tokens, width]. */
async function addProducts(binding: NativeBinding, sum: Float32Array, values: Float32Array, width: number): Promise<void> {
  const rows = values.length / width;
  const turned = transpose(values, rows, width);
  const data = new Uint8Array(turned.buffer, turned.byteOffset, turned.byteLength);
  const product = await (await binding.createWeight({ codec: 'dense', type: 'f32', rows: width, cols: rows, data })).matmul(turned, width);
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] ?? 0) + (product[at] ?? 0);
}
