// A GGUF file as conversion sees it: linears of blocks that hold whole codes, everything else in floating point, under the names and in the order of rows
// that a model directory has; config.json and the tokenizer's files are made of its metadata.
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { MappedFile, NativeBinding } from '@quantwright/native/binding';
import { baseRecipe } from '@quantwright/schemas/recipe/base-recipe';
import { type GgufArchitecture, ggufArchitecture, ggufConfig } from '../../checkpoint/gguf/config.ts';
import { type GgufModel, openGguf } from '../../checkpoint/gguf/file.ts';
import { normOffset, rowOrder } from '../../checkpoint/gguf/from-config.ts';
import type { GgufTensor } from '../../checkpoint/gguf/header.ts';
import { ggufModule } from '../../checkpoint/gguf/names.ts';
import type { JsonObject } from '../../checkpoint/json-file.ts';
import type { TensorPlan } from '../../checkpoint/writer.ts';
import { EngineError, fileError } from '../../errors.ts';
import { type ModelConfig, parseModelConfig } from '../../model/config.ts';
import { readRopeFactors } from '../../model/gguf.ts';
import { encodeFloats } from '../../pipeline/layouts/codes.ts';
import { ggufTokenizerSource } from '../../text/gguf-tokenizer.ts';
import { linearPlaces, type ModelSource, type QuantizedModule } from '../model-source.ts';
import type { StoredMatrix } from '../stored-matrix.ts';
import { decodeBlocks, decodedTypes, isDecoded } from './decode-blocks.ts';

const denseTypes: Readonly<Record<string, 'F32' | 'F16' | 'BF16'>> = { F32: 'F32', F16: 'F16', BF16: 'BF16' };

/** Throws kind `input`, `io` or `checkpoint`; `config` for blocks that hold no whole codes. */
export async function openGgufSource(path: string, binding: NativeBinding): Promise<ModelSource> {
  const model = await openGguf(path);
  const architecture = ggufArchitecture(model);
  if (architecture === 'gpt2' || architecture === 'gptneox' || architecture.startsWith('gemma') || model.tensors.has('rope_freqs.weight')) {
    throw new EngineError(
      'config',
      `${path}: ${architecture} files${model.tensors.has('rope_freqs.weight') ? ' with divisors of the rotation' : ''} are not converted back into model directories; llama, qwen2, qwen3 and phi3 files are`,
      { file: path },
    );
  }
  const json = ggufConfig(model, await readRopeFactors(model, architecture));
  const config = parseModelConfig(json, path);
  const files = new Map<string, MappedFile>();
  const read = (tensor: GgufTensor): Uint8Array => {
    const file = files.get(tensor.file) ?? binding.openFile(tensor.file);
    files.set(tensor.file, file);
    return file.read(tensor.offset, tensor.bytes);
  };
  const release = (tensor: GgufTensor): void => files.get(tensor.file)?.release(tensor.offset, tensor.bytes);
  const context = { model, architecture, config, read };
  const modules: QuantizedModule[] = [];
  const left: string[] = [];
  for (const place of linearPlaces(config.shape)) {
    const tensor = tensorOf(model, `${ggufModule(architecture, place.module)}.weight`);
    if (denseTypes[tensor.type] !== undefined) {
      left.push(place.module);
      continue;
    }
    refuseUnread(tensor);
    modules.push({ ...place, bytes: tensor.bytes, read: async () => matrixOf(context, tensor, place.module), release: () => release(tensor) });
  }
  const others = otherTensors(context, modules);
  const eos = model.metadata.count('tokenizer.ggml.eos_token_id');
  const bos = model.metadata.count('tokenizer.ggml.bos_token_id');
  return {
    path,
    config: json,
    model: config.shape,
    recipe: baseRecipe('convert', 'gguf', [], {}),
    layout: 'gguf',
    modules,
    left,
    others: others.map(({ plan }) => plan),
    fileBytes: model.fileBytes,
    copyOthers: async (sink, signal) => {
      for (const { plan, tensor, data } of others) {
        signal?.throwIfAborted();
        await sink.write(plan.name, data());
        release(tensor);
      }
      return [];
    },
    writeFiles: async (directory, quantization) => {
      const dtype = others.find(({ plan }) => plan.name.endsWith('embed_tokens.weight'))?.plan.dtype;
      const ids = { ...(bos === null ? {} : { bos_token_id: bos }), ...(eos === null ? {} : { eos_token_id: eos }) };
      const named = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[String(dtype)];
      await writeJson(directory, 'config.json', { ...json, ...ids, ...(named === undefined ? {} : { torch_dtype: named }), quantization_config: quantization });
      await writeTokenizer(model, config.shape.vocabSize, directory);
    },
    close: () => {
      for (const file of files.values()) file.close();
      files.clear();
    },
  };
}

interface Context {
  readonly model: GgufModel;
  readonly architecture: GgufArchitecture;
  readonly config: ModelConfig;
  read(tensor: GgufTensor): Uint8Array;
}

function tensorOf(model: GgufModel, name: string): GgufTensor {
  const tensor = model.tensors.get(name);
  if (tensor === undefined) throw new EngineError('checkpoint', `${model.path} has no tensor ${name}`, { file: model.path, tensor: name });
  return tensor;
}

function refuseUnread({ file, name, type }: GgufTensor): void {
  if (isDecoded(type)) return;
  throw new EngineError(
    'config',
    `${file}: ${name} has type ${type}, whose blocks have scales of their own that other layouts would round; those of ${decodedTypes.join(', ')} can be converted`,
    { file, tensor: name },
  );
}

function matrixOf({ architecture, config, read }: Context, tensor: GgufTensor, module: string): StoredMatrix {
  const [rows = 0, cols = 0] = tensor.shape;
  const { type } = tensor;
  const data = inOwnOrder(read(tensor), rowOrder(architecture, module, rows, config.shape.headDim));
  const matrix = isDecoded(type) ? decodeBlocks(type, data, rows, cols) : null;
  if (matrix !== null) return matrix;
  throw new EngineError(
    'config',
    `${tensor.file}: the minimums of ${tensor.name} are no whole multiples of its scales, so there are no zero points that other layouts could hold`,
    {
      file: tensor.file,
      tensor: tensor.name,
    },
  );
}

/** Rows of a file -> where they came from. */
function inOwnOrder(bytes: Uint8Array, order: Int32Array | null): Uint8Array {
  if (order === null) return bytes;
  const row = bytes.length / order.length;
  const out = new Uint8Array(bytes.length);
  for (const [at, from] of order.entries()) out.set(bytes.subarray(at * row, (at + 1) * row), from * row);
  return out;
}

interface OtherTensor {
  readonly plan: TensorPlan;
  readonly tensor: GgufTensor;
  data(): Uint8Array;
}

/** Dense tensors by the names that the model's builder asks for: what it does not ask for belongs to no model directory. */
function otherTensors(context: Context, modules: readonly QuantizedModule[]): readonly OtherTensor[] {
  const { model, architecture, config } = context;
  const coded = new Set(modules.map(({ module }) => module));
  const found: OtherTensor[] = [];
  const vectorType = denseTypes[model.tensors.get('token_embd.weight')?.type ?? ''] ?? 'F32';
  for (const module of [...outerModules, ...blockModules(config.shape.layers), ...linearPlaces(config.shape).map((place) => place.module)]) {
    for (const part of ['weight', 'bias']) {
      if (coded.has(module) && part === 'weight') continue;
      const tensor = nameOf(architecture, module) === null ? undefined : model.tensors.get(`${nameOf(architecture, module)}.${part}`);
      if (tensor === undefined || found.some(({ plan }) => plan.name === `${module}.${part}`)) continue;
      const dtype = denseTypes[tensor.type];
      if (dtype === undefined)
        throw new EngineError(
          'config',
          `${tensor.file}: ${tensor.name} is quantized (${tensor.type}); only linears of the blocks can be, and the output matrix`,
          { file: tensor.file, tensor: tensor.name },
        );
      const order = rowOrder(architecture, module, tensor.shape[0] ?? 0, config.shape.headDim);
      // Vectors are F32 in every file; they get the type of the model back where that loses nothing.
      const narrow = tensor.shape.length === 1 && dtype === 'F32' && vectorType !== 'F32' ? narrowed(context.read(tensor), vectorType) : null;
      const plan: TensorPlan = { name: `${module}.${part}`, dtype: narrow === null ? dtype : vectorType, shape: tensor.shape };
      found.push({ plan, tensor, data: () => inOwnOrder(narrow ?? context.read(tensor), order) });
    }
  }
  if (normOffset(architecture, 'model.norm.weight') !== 0) throw new RangeError(`norms of ${architecture} files are not undone here`);
  return found;
}

const outerModules = ['model.embed_tokens', 'model.norm', 'lm_head'];

function blockModules(layers: number): readonly string[] {
  const norms = ['input_layernorm', 'post_attention_layernorm', 'self_attn.q_norm', 'self_attn.k_norm'];
  return Array.from({ length: layers }, (_, block) => norms.map((norm) => `model.layers.${block}.${norm}`)).flat();
}

function nameOf(architecture: GgufArchitecture, module: string): string | null {
  try {
    return ggufModule(architecture, module);
  } catch {
    return null; // a module that models of this architecture do not have
  }
}

/** F32 bytes in 16 bits; null where that would round. */
function narrowed(bytes: Uint8Array, type: 'F16' | 'BF16'): Uint8Array | null {
  const values = new Float32Array(bytes.slice().buffer);
  const encoded = encodeFloats(values, type === 'F16' ? 'f16' : 'bf16');
  const bits = new Uint16Array(encoded.buffer);
  const same = type === 'BF16' ? values.every((value, at) => new Float32Array(Uint32Array.of((bits[at] ?? 0) << 16).buffer)[0] === value) : false;
  return same ? encoded : null;
}

async function writeTokenizer(model: GgufModel, rows: number, directory: string): Promise<void> {
  if ((model.metadata.text('tokenizer.ggml.model') ?? 'no_vocab') === 'no_vocab') return;
  const { json, config, endIds, chatTemplate } = ggufTokenizerSource(model.metadata, rows);
  await writeJson(directory, 'tokenizer.json', { version: '1.0', truncation: null, padding: null, ...json });
  const template = chatTemplate === null ? {} : { chat_template: chatTemplate };
  await writeJson(directory, 'tokenizer_config.json', { tokenizer_class: 'PreTrainedTokenizerFast', ...config, ...template });
  await writeJson(directory, 'generation_config.json', { eos_token_id: [...endIds] });
}

async function writeJson(directory: string, name: string, value: JsonObject): Promise<void> {
  const file = join(directory, basename(name));
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`).catch((cause: unknown) => {
    throw fileError('write', file, cause);
  });
}
