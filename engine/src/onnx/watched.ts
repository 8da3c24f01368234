// An ONNX model that runs in onnxruntime with values of its inside as outputs beside its own, on token ids.
import { mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { NativeBinding } from '@quantwright/native/binding';
import { EngineError } from '../errors.ts';
import type { OnnxLinear } from './linears.ts';
import type { OnnxModel } from './model.ts';
import { dataType, encodeModel, newGraph, newValue, type ValueInfo } from './proto.ts';
import type { OnnxRuntime, OrtSession, OrtTensor } from './runtime.ts';

export interface WatchedModel {
  /** Widths of what linears read, by the name of the value, in the order of the graph. */
  readonly widths: ReadonlyMap<string, number>;
  /** [tokens, width] of each of the values on those ids, in f32. Throws kind `input` for a value of another shape or type. */
  run(ids: Int32Array, names: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
  close(): Promise<void>;
}

/** `linears`: in the order of the graph. Throws kind `input` for a graph that cannot run, or whose inputs are not those of a language model. */
export async function openWatched(runtime: OnnxRuntime, binding: NativeBinding, model: OnnxModel, linears: readonly OnnxLinear[]): Promise<WatchedModel> {
  const widths = new Map(linears.map(({ node, cols }) => [node.input[0] ?? '', cols]));
  const types = new Map(linears.map(({ node, type }) => [node.input[0] ?? '', type]));
  const feedsOf = feeder(runtime, model);
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-onnx-'));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  let session: OrtSession;
  try {
    const file = await watchedModel(model, types, directory);
    session = await runtime.InferenceSession.create(file, { graphOptimizationLevel: 'basic' });
  } catch (cause) {
    await remove();
    throw new EngineError('input', `${model.file} cannot run in onnxruntime: ${cause instanceof Error ? cause.message : String(cause)}`, {
      file: model.file,
      cause,
    });
  }
  return {
    widths,
    run: async (ids, names) => {
      const values = await session.run(feedsOf(ids), names);
      const wide = new Map<string, Float32Array>();
      for (const name of names) wide.set(name, await widened(binding, values[name], widths.get(name) ?? 0, name));
      return wide;
    },
    close: async () => {
      await session.release();
      await remove();
    },
  };
}

async function widened(binding: NativeBinding, value: OrtTensor | undefined, width: number, name: string): Promise<Float32Array> {
  if (value === undefined || (value.type !== 'float32' && value.type !== 'float16') || value.dims.at(-1) !== width)
    throw new EngineError('input', `the value ${name} is ${value?.type} [${value?.dims.join(', ')}] in onnxruntime; float with ${width} columns is needed`, {
      tensor: name,
    });
  const bytes = new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength);
  return binding.widen({ type: value.type === 'float16' ? 'f16' : 'f32', rows: value.data.length / width, cols: width, data: bytes });
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
