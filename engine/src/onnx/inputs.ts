// What the matrices of an ONNX graph read on calibration sequences: the float graph runs with those values as outputs beside its own, and their x^T x is
// summed. Hessians of a few inputs are held at once; the sequences run again for the next ones, so that memory does not grow with the number of layers.
import { mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { NativeBinding } from '@quantwright/native/binding';
import { transpose } from '../checkpoint/transposed.ts';
import { EngineError } from '../errors.ts';
import { hessianInputs, type SharedInputs } from '../methods/hessian.ts';
import type { OnnxLinear } from './linears.ts';
import type { OnnxModel } from './model.ts';
import { dataType, encodeModel, newGraph, newValue, type ValueInfo } from './proto.ts';
import type { OnnxRuntime, OrtSession, OrtTensor } from './runtime.ts';

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
  of(linear: OnnxLinear): Promise<SharedInputs>;
  close(): Promise<void>;
}

/** `linears`: in the order of the graph. Throws kind `input` for a graph whose inputs are not those of a language model. */
export async function openOnnxInputs(
  runtime: OnnxRuntime,
  binding: NativeBinding,
  model: OnnxModel,
  linears: readonly OnnxLinear[],
  options: OnnxInputsOptions,
): Promise<OnnxInputs> {
  const widths = new Map(linears.map(({ node, cols }) => [node.input[0] ?? '', cols]));
  const types = new Map(linears.map(({ node, type }) => [node.input[0] ?? '', type]));
  const feedsOf = feeder(runtime, model);
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-onnx-'));
  const close = (): Promise<void> => rm(directory, { recursive: true, force: true });
  let session: OrtSession;
  try {
    const file = await watchedModel(model, types, directory);
    session = await runtime.InferenceSession.create(file, { graphOptimizationLevel: 'basic' });
  } catch (cause) {
    await close();
    throw new EngineError('input', `${model.file} cannot run in onnxruntime: ${cause instanceof Error ? cause.message : String(cause)}`, {
      file: model.file,
      cause,
    });
  }
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
      const values = await session.run(feedsOf(ids), [...sums.keys()]);
      for (const [name, sum] of sums) await addProducts(binding, sum, values[name], widths.get(name) ?? 0, name);
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
      await session.release();
      await close();
    },
  };
}

/** The model with the values as outputs, in a directory of its own that links to the data beside the model. */
async function watchedModel(model: OnnxModel, types: ReadonlyMap<string, string>, directory: string): Promise<string> {
  const { graph } = model;
  const known = new Set(graph.output.map(({ name }) => name));
  const watched = [...types].flatMap(([name, type]): ValueInfo[] => {
    if (known.has(name)) return [];
    const value = newValue(name, type === 'f16' ? dataType.float16 : dataType.float, []);
    // A shape without sizes would say that it is a single number.
    delete value.type?.tensorType?.shape;
    return [value];
  });
  const own = await realpath(dirname(resolve(model.file)));
  for (const name of model.dataFiles) await symlink(join(own, name), join(directory, name));
  const file = join(directory, 'watched.onnx');
  const { name, node, initializer, input } = graph;
  await writeFile(
    file,
    encodeModel({ ...model.proto, graph: { ...graph, ...newGraph({ name, node, initializer, input, output: [...graph.output, ...watched] }) } }),
  );
  return file;
}

/** sum += x^T x of x [tokens, width]. */
async function addProducts(binding: NativeBinding, sum: Float32Array, value: OrtTensor | undefined, width: number, name: string): Promise<void> {
  if (value === undefined || (value.type !== 'float32' && value.type !== 'float16') || value.dims.at(-1) !== width)
    throw new EngineError('input', `the value ${name} is ${value?.type} [${value?.dims.join(', ')}] in onnxruntime; float with ${width} columns is needed`, {
      tensor: name,
    });
  const bytes = new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength);
  const rows = value.data.length / width;
  const values = await binding.widen({ type: value.type === 'float16' ? 'f16' : 'f32', rows, cols: width, data: bytes });
  const turned = transpose(values, rows, width);
  const data = new Uint8Array(turned.buffer, turned.byteOffset, turned.byteLength);
  const product = await (await binding.createWeight({ codec: 'dense', type: 'f32', rows: width, cols: rows, data })).matmul(turned, width);
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] ?? 0) + (product[at] ?? 0);
}

/** Token ids -> what the graph's inputs are given. Throws kind `input`, naming an input that language models do not have. */
function feeder(runtime: OnnxRuntime, model: OnnxModel): (ids: Int32Array) => Readonly<Record<string, OrtTensor>> {
  const { graph, initializers, file } = model;
  const inputs = graph.input.filter(({ name }) => !initializers.has(name));
  return (ids) => Object.fromEntries(inputs.map((input) => [input.name, feedOf(runtime, input, ids, file)]));
}

function feedOf(runtime: OnnxRuntime, { name, type }: ValueInfo, ids: Int32Array, file: string): OrtTensor {
  const elements = type?.tensorType?.elemType;
  const whole = (values: Int32Array): OrtTensor => {
    if (elements === dataType.int32) return new runtime.Tensor('int32', values, [1, values.length]);
    return new runtime.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  };
  if (name === 'input_ids') return whole(ids);
  if (name === 'attention_mask') return whole(new Int32Array(ids.length).fill(1));
  if (name === 'position_ids') return whole(Int32Array.from(ids, (_, position) => position));
  if (name === 'use_cache_branch') return new runtime.Tensor('bool', Uint8Array.of(0), [1]);
  if (/^past(_key_values)?\b/.test(name) && (elements === dataType.float || elements === dataType.float16)) {
    // [batch, heads, past, head_dim]: sizes that differ from run to run are the batch, of one, and the past, of none.
    const dims = (type?.tensorType?.shape?.dim ?? []).map(({ dimValue }, at) => (Number(dimValue) > 0 ? Number(dimValue) : at === 0 ? 1 : 0));
    const half = elements === dataType.float16;
    return new runtime.Tensor(half ? 'float16' : 'float32', half ? new Uint16Array(0) : new Float32Array(0), dims);
  }
  throw new EngineError(
    'input',
    `${file}: what to give its input ${name} is not known; graphs with input_ids, attention_mask, position_ids and past_key_values can be calibrated`,
    { file },
  );
}
