// An ONNX model on the disk: its graph, and the values of its initializers where they lie, in the file itself or in files beside it (external data).
import { open, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { DenseSource, DenseType, MappedFile, NativeBinding } from '@quantwright/native/binding';
import { EngineError, fileError } from '../errors.ts';
import { dataType, decodeModel, type GraphProto, type ModelProto, type TensorProto } from './proto.ts';

/** Protocol buffers end at 2 GiB; larger models keep their weights in other files. */
const maxModelBytes = 2 ** 31 - 1;
/** Nodes and initializers of the largest exports are some ten thousand. */
const maxNodes = 1_000_000;

export interface OnnxModel {
  readonly file: string;
  readonly proto: ModelProto;
  readonly graph: GraphProto;
  /** Initializers by name. */
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** Files of external data, as the model names them. */
  readonly dataFiles: readonly string[];
  /** Of the model and its data files. */
  readonly fileBytes: number;
}

export function isOnnxPath(path: string): boolean {
  return path.toLowerCase().endsWith('.onnx');
}

/** Throws kind `input` for a file that is no ONNX model, `io` when it cannot be read, `checkpoint` when it is damaged. */
export async function openOnnx(file: string): Promise<OnnxModel> {
  const bytes = await readModelFile(file);
  let proto: ModelProto;
  try {
    proto = decodeModel(bytes);
  } catch (cause) {
    throw new EngineError('input', `${file} is no ONNX model: ${cause instanceof Error ? cause.message : String(cause)}`, { file });
  }
  const { graph } = proto;
  if (graph === undefined || graph.node.length === 0) throw new EngineError('input', `${file} is no ONNX model: it has no graph`, { file });
  if (graph.node.length > maxNodes) throw new EngineError('input', `${file}: ${graph.node.length} nodes are more than the ${maxNodes} that are read`, { file });
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const dataFiles = [...new Set(graph.initializer.flatMap((tensor) => placeOf(tensor, file)?.location ?? []))];
  const sizes = await Promise.all(dataFiles.map(async (name) => (await stat(await dataPath(file, name))).size));
  return { file, proto, graph, initializers, dataFiles, fileBytes: bytes.length + sizes.reduce((sum, size) => sum + size, 0) };
}

async function readModelFile(file: string): Promise<Uint8Array> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (size > maxModelBytes) throw new EngineError('input', `${file}: ${size} bytes are more than a protocol buffer can have (2 GiB)`, { file });
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw cause instanceof EngineError ? cause : fileError('read', file, cause);
  }
}

interface Place {
  readonly location: string;
  readonly offset: number;
  /** Null: to the end of the file. */
  readonly length: number | null;
}

/** Where the values of a tensor lie outside of the model; null: inside. Throws kind `checkpoint` for a place that cannot be. */
function placeOf({ name, dataLocation, externalData }: TensorProto, file: string): Place | null {
  if (dataLocation !== 1) return null;
  const entry = (key: string): string | undefined => externalData.find((one) => one.key === key)?.value;
  const location = entry('location');
  const numbers = [entry('offset') ?? '0', entry('length')].map((text) => (text === undefined ? null : Number(text)));
  const [offset, length] = numbers;
  const bad = numbers.some((value) => value !== null && !(Number.isSafeInteger(value) && value >= 0));
  if (location === undefined || bad || offset === null || offset === undefined || length === undefined) {
    throw new EngineError('checkpoint', `${file}: initializer ${name} lies in another file, but does not say properly where`, { file, tensor: name });
  }
  return { location, offset, length };
}

/** Names that leave the model's directory are refused. */
async function dataPath(modelFile: string, name: string): Promise<string> {
  const directory = await realpath(dirname(resolve(modelFile)));
  const path = await realpath(join(directory, name)).catch((cause: unknown) => {
    throw fileError('open', join(directory, name), cause);
  });
  if (!path.startsWith(directory + sep))
    throw new EngineError('checkpoint', `${modelFile}: its data file ${name} lies outside of the model's directory`, { file: modelFile });
  return path;
}

export interface OnnxWeights {
  /** A matrix of two dimensions as it is stored, in place where it can be; null for other shapes and types. */
  dense(name: string): DenseSource | null;
  /** Values of any initializer as stored, little endian. */
  bytes(tensor: TensorProto): Uint8Array;
  release(name: string): void;
  close(): void;
}

const denseTypes: Readonly<Record<number, DenseType>> = { [dataType.float]: 'f32', [dataType.float16]: 'f16', [dataType.bfloat16]: 'bf16' };
export const typeBytes: Readonly<Record<number, number>> = {
  [dataType.float]: 4,
  [dataType.uint8]: 1,
  [dataType.int8]: 1,
  [dataType.int32]: 4,
  [dataType.int64]: 8,
  [dataType.bool]: 1,
  [dataType.float16]: 2,
  [dataType.double]: 8,
  [dataType.bfloat16]: 2,
};

export async function openOnnxWeights(model: OnnxModel, binding: NativeBinding): Promise<OnnxWeights> {
  const files = new Map<string, MappedFile>();
  for (const name of model.dataFiles) files.set(name, binding.openFile(await dataPath(model.file, name)));
  const place = (tensor: TensorProto): { readonly file: MappedFile; readonly offset: number; readonly length: number } | null => {
    const found = placeOf(tensor, model.file);
    if (found === null) return null;
    const file = files.get(found.location);
    const wanted = byteCount(tensor);
    const length = found.length ?? (file?.size ?? 0) - found.offset;
    if (file === undefined || length !== wanted || found.offset + length > file.size) {
      throw new EngineError(
        'checkpoint',
        `${model.file}: initializer ${tensor.name} needs ${wanted} bytes, and ${found.location} has not as many at ${found.offset}`,
        {
          file: model.file,
          tensor: tensor.name,
        },
      );
    }
    return { file, offset: found.offset, length };
  };
  const inside = (tensor: TensorProto): Uint8Array => {
    const values = tensor.rawData.length > 0 ? tensor.rawData : listed(tensor);
    if (values.length !== byteCount(tensor)) {
      throw new EngineError(
        'checkpoint',
        `${model.file}: initializer ${tensor.name} has ${values.length} bytes of data; its shape needs ${byteCount(tensor)}`,
        {
          file: model.file,
          tensor: tensor.name,
        },
      );
    }
    return values;
  };
  return {
    dense: (name) => {
      const tensor = model.initializers.get(name);
      const type = denseTypes[tensor?.dataType ?? 0];
      const [rows = 0, cols = 0] = (tensor?.dims ?? []).map(Number);
      if (tensor === undefined || type === undefined || tensor.dims.length !== 2 || rows === 0 || cols === 0) return null;
      const at = place(tensor);
      if (at === null) return { type, rows, cols, data: inside(tensor) };
      return { type, rows, cols, data: at.offset % (typeBytes[tensor.dataType] ?? 1) === 0 ? at : at.file.read(at.offset, at.length) };
    },
    bytes: (tensor) => {
      const at = place(tensor);
      return at === null ? inside(tensor) : at.file.read(at.offset, at.length);
    },
    release: (name) => {
      const tensor = model.initializers.get(name);
      const at = tensor === undefined ? null : place(tensor);
      at?.file.release(at.offset, at.length);
    },
    close: () => {
      for (const file of files.values()) file.close();
    },
  };
}

function byteCount({ dims, dataType: type }: TensorProto): number {
  return dims.reduce((product, size) => product * Number(size), 1) * (typeBytes[type] ?? 1);
}

/** Values that are written out as numbers, as bytes. 16-bit floats stand in int32_data by their bits. */
function listed({ dataType: type, floatData, int32Data, int64Data, doubleData }: TensorProto): Uint8Array {
  if (type === dataType.float) return new Uint8Array(Float32Array.from(floatData).buffer);
  if (type === dataType.double) return new Uint8Array(Float64Array.from(doubleData).buffer);
  if (type === dataType.int64) return new Uint8Array(BigInt64Array.from(int64Data).buffer);
  if (type === dataType.int32) return new Uint8Array(Int32Array.from(int32Data).buffer);
  if (type === dataType.float16 || type === dataType.bfloat16) return new Uint8Array(Uint16Array.from(int32Data).buffer);
  return Uint8Array.from(int32Data);
}
