// A model's weights from GGUF files, on the blocks as they are stored. Queries and keys of Llama files are in the order of the interleaved rotation;
// their rows are put back into the order of the halves, which this engine rotates (llama.cpp, convert_hf_to_gguf.py :: LlamaModel.permute).
import type { Bytes, MappedFile, NativeBinding, WeightSpec } from '@quantwright/native/binding';
import { EngineError } from '../../errors.ts';
import type { Linear, ModelWeights } from '../../model/weights.ts';
import type { GgufArchitecture } from './config.ts';
import type { GgufModel } from './file.ts';
import type { GgufTensor } from './header.ts';
import { ggufModule } from './names.ts';
import { bytesOfType, type GgufType, ggufTypes } from './types.ts';

export interface GgufWeights extends ModelWeights {
  /** Drops the mappings; weights that were made keep theirs. */
  close(): void;
}

const denseTypes: Readonly<Partial<Record<GgufType, 'f32' | 'f16' | 'bf16'>>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

/** All methods throw kind `checkpoint`, naming file and tensor. `headDim`: of heads whose rows must be put in order. */
export function ggufWeights(
  model: GgufModel,
  architecture: GgufArchitecture,
  headDim: number,
  binding: NativeBinding,
  loaded?: (tensor: string) => void,
): GgufWeights {
  const files = new Map<string, MappedFile>();
  const fileOf = (tensor: GgufTensor): MappedFile => {
    const file = files.get(tensor.file) ?? binding.openFile(tensor.file);
    files.set(tensor.file, file);
    if (file.size < tensor.offset + tensor.bytes) throw fail(tensor, `ends at offset ${tensor.offset + tensor.bytes}, but the file now ends at ${file.size}`);
    return file;
  };
  const interleaved = (module: string): boolean => architecture === 'llama' && /\.self_attn\.[qk]_proj$/.test(module);
  const rowsOf = (tensor: GgufTensor, reorder: boolean): Bytes => {
    const file = fileOf(tensor);
    if (reorder) return halves(file.read(tensor.offset, tensor.bytes), tensor.shape[0] ?? 0, headDim);
    // Kernels read whole elements of dense matrices; general.alignment may be less.
    if (tensor.offset % Math.min(ggufTypes[tensor.type].bytes, 4) !== 0 && denseTypes[tensor.type] !== undefined) return file.read(tensor.offset, tensor.bytes);
    return { file, offset: tensor.offset, length: tensor.bytes };
  };
  const matrix = async (name: string, module: string, rows: number, cols: number): Promise<Linear['weight']> => {
    const tensor = expect(model, name, [rows, cols]);
    const reorder = interleaved(module);
    const data = rowsOf(tensor, reorder);
    const spec: WeightSpec = isBlocks(tensor.type)
      ? { codec: 'gguf', type: tensor.type, rows, cols, data }
      : { codec: 'dense', type: denseTypes[tensor.type] ?? 'f32', rows, cols, data };
    const weight = await binding.createWeight(spec).catch((cause: unknown) => {
      throw cause instanceof Error ? fail(tensor, `cannot be used: ${cause.message}`) : cause;
    });
    // A packed weight needs its tensor no more.
    if (spec.codec !== 'dense' || reorder) fileOf(tensor).release(tensor.offset, tensor.bytes);
    return weight;
  };
  const vector = async (name: string, length: number): Promise<Float32Array> => {
    const tensor = expect(model, name, [length]);
    const type = denseTypes[tensor.type];
    if (type === undefined) throw fail(tensor, `has type ${tensor.type}; a vector must be F32, F16 or BF16`);
    return binding.widen({ type, rows: 1, cols: length, data: fileOf(tensor).read(tensor.offset, tensor.bytes) });
  };
  const linear = async (module: string, rows: number, cols: number, bias: boolean): Promise<Linear> => {
    const name = ggufModule(architecture, module);
    const weight = await matrix(`${name}.weight`, module, rows, cols);
    loaded?.(`${name}.weight`);
    if (!bias && !model.tensors.has(`${name}.bias`)) return { weight };
    const stored = await vector(`${name}.bias`, rows);
    return { weight, bias: interleaved(module) ? new Float32Array(halves(bytesOf(stored), rows, headDim).buffer) : stored };
  };
  return {
    linear,
    // Conversion stores every matrix as [out, in].
    transposedLinear: linear,
    vector: (name, length) => {
      const [, module = name, part = 'weight'] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
      return vector(`${ggufModule(architecture, module)}.${part}`, length);
    },
    embedding: async (name, rows, cols) => {
      const tensor = `${ggufModule(architecture, name.replace(/\.weight$/, ''))}.weight`;
      const table = await matrix(tensor, name, rows, cols);
      loaded?.(tensor);
      return table;
    },
    close: () => {
      for (const file of files.values()) file.close();
      files.clear();
    },
  };
}

function isBlocks(type: GgufType): type is Exclude<GgufType, 'F32' | 'F16' | 'BF16'> {
  return denseTypes[type] === undefined;
}

/** Rows (2i, 2i + 1) of every head -> (i, i + headDim / 2). `bytes`: `rows` rows of equal length. */
export function halves(bytes: Uint8Array, rows: number, headDim: number): Uint8Array {
  const row = bytes.length / rows;
  const out = new Uint8Array(bytes.length);
  for (let head = 0; head < rows; head += headDim) {
    for (let at = 0; at < headDim; at++) {
      const from = head + 2 * (at % (headDim / 2)) + Math.floor(at / (headDim / 2));
      out.set(bytes.subarray(from * row, (from + 1) * row), (head + at) * row);
    }
  }
  return out;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function expect(model: GgufModel, name: string, shape: readonly number[]): GgufTensor {
  const tensor = model.tensors.get(name);
  if (tensor === undefined) throw new EngineError('checkpoint', `${model.path} has no tensor ${name}`, { file: model.path, tensor: name });
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, index) => size !== shape[index]))
    throw fail(tensor, `has shape [${tensor.shape.join(', ')}]; [${shape.join(', ')}] is needed`);
  if (
    tensor.bytes !==
    bytesOfType(
      tensor.type,
      shape.reduce((product, size) => product * size, 1),
    )
  )
    throw fail(tensor, 'has a size that its shape does not explain');
  return tensor;
}

function fail(tensor: GgufTensor, what: string): EngineError {
  return new EngineError('checkpoint', `${tensor.file}: tensor ${tensor.name} ${what}`, { file: tensor.file, tensor: tensor.name });
}
