// A model source -> one GGUF file: every tensor with its name, type and order of rows there, judged before anything is written, then streamed one tensor
// at a time. Linears in codes become blocks without rounding; tensors in floating point keep their type, vectors become F32.
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { GgufArchitecture } from '../../checkpoint/gguf/config.ts';
import { architectureEntries, architectureFor, normOffset, ropeFactorsOf, rowOrder } from '../../checkpoint/gguf/from-config.ts';
import { ggufModule } from '../../checkpoint/gguf/names.ts';
import type { GgufType } from '../../checkpoint/gguf/types.ts';
import { createGguf, type GgufEntry, type GgufTensorPlan, ggufFileBytes, tensorBytes } from '../../checkpoint/gguf/writer.ts';
import type { TensorInfo } from '../../checkpoint/header.ts';
import { EngineError, fileError } from '../../errors.ts';
import { type ModelConfig, parseModelConfig } from '../../model/config.ts';
import { ggufVocabulary } from '../../text/gguf-vocabulary.ts';
import type { ConvertHooks, PlannedConversion, Written } from '../conversion.ts';
import { type Parameters, parametersOf } from '../fit.ts';
import type { DirectorySource, QuantizedModule } from '../model-source.ts';
import { cannot, possibleTargets } from '../refuse.ts';
import { type BlockChoice, type BlockType, blockTypeFor } from './block-type.ts';
import { encodeBlocks } from './blocks.ts';

type Job = GgufTensorPlan & { data(): Promise<Uint8Array> | Uint8Array | Iterable<Uint8Array> };

/** llama.h :: llama_ftype */
const fileTypes: Readonly<Partial<Record<GgufType, number>>> = { F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 7, Q5_0: 8, Q4_K: 14, BF16: 32 };

/** Throws kind `config` with every linear that no block type holds, or for a model or tokenizer that GGUF files cannot say. */
export async function planGguf(source: DirectorySource, exact: boolean, hooks: Pick<ConvertHooks, 'onProgress' | 'signal'>): Promise<PlannedConversion> {
  const file = join(source.path, 'config.json');
  const config = parseModelConfig(source.config, file);
  const architecture = architectureFor(config, file);
  const choices = await chooseTypes(source, exact, hooks.signal);
  const vocabulary = await ggufVocabulary(source.path, config.shape.vocabSize);
  const jobs = [
    ...source.others.flatMap((tensor) => denseJob(source, architecture, config, tensor)),
    ...source.modules.map((module, index) => codedJob(module, architecture, config, choices[index])),
    ...ropeFactorsOf(architecture, config).map(({ name, values }): Job => ({ name, type: 'F32', shape: [values.length], data: () => bytesOf(values) })),
  ];
  const main = mostUsed(jobs);
  const entries: readonly GgufEntry[] = [
    { key: 'general.architecture', type: 'text', value: architecture },
    { key: 'general.type', type: 'text', value: 'model' },
    { key: 'general.name', type: 'text', value: source.name },
    { key: 'general.file_type', type: 'u32', value: fileTypes[main] ?? 0 },
    ...(source.modules.length === 0 ? [] : [{ key: 'general.quantization_version', type: 'u32' as const, value: 2 }]),
    ...architectureEntries(architecture, config, file),
    ...vocabulary.entries,
  ];
  const bytes = ggufFileBytes(entries, jobs);
  return {
    outputBytes: bytes,
    write: async (directory): Promise<Written> => {
      const name = `${source.name.replace(/\.gguf$/i, '')}.gguf`;
      const writer = await createGguf(join(directory, name), entries, jobs);
      try {
        const bytesTotal = jobs.reduce((sum, job) => sum + tensorBytes(job), 0);
        let bytesDone = 0;
        for (const job of jobs) {
          hooks.signal?.throwIfAborted();
          await writer.write(job.name, await job.data());
          bytesDone += tensorBytes(job);
          hooks.onProgress?.({ tensor: job.name, bytesDone, bytesTotal });
        }
        await writer.finish();
      } catch (cause) {
        await writer.abort();
        throw cause;
      }
      if (source.path !== directory) await copyTerms(source.path, directory);
      return {
        files: [name],
        bytes: writer.fileBytes,
        linears: forms(choices),
        types: new Map(source.modules.map(({ module }, index) => [module, choices[index]?.type ?? ''])),
        warnings: [...vocabulary.warnings, ...roundingWarnings(source, choices)],
      };
    },
  };
}

async function chooseTypes(
  source: DirectorySource,
  exact: boolean,
  signal: AbortSignal | undefined,
): Promise<readonly Extract<BlockChoice, { type: unknown }>[]> {
  const choices: Extract<BlockChoice, { type: unknown }>[] = [];
  const parameters: Parameters[] = [];
  const reasons = new Map<string, string[]>();
  for (const module of source.modules) {
    signal?.throwIfAborted();
    const stored = await module.read();
    const choice = stored === null ? { why: `it is stored as ${source.layout}, whose weights are no whole codes` } : blockTypeFor(stored, exact);
    if (stored !== null) parameters.push(parametersOf(stored));
    if ('why' in choice) reasons.set(choice.why, [...(reasons.get(choice.why) ?? []), module.module]);
    else choices.push(choice);
    module.release();
  }
  if (reasons.size > 0) throw cannot(source, 'gguf', reasons, parameters.length === source.modules.length ? possibleTargets(source, parameters) : []);
  return choices;
}

function codedJob(module: QuantizedModule, architecture: GgufArchitecture, config: ModelConfig, choice: { readonly type: BlockType } | undefined): Job {
  const { rows, cols } = module;
  const type = choice?.type ?? 'Q8_0';
  return {
    name: `${ggufModule(architecture, module.module)}.weight`,
    type,
    shape: [rows, cols],
    data: async () => {
      const stored = await module.read();
      if (stored === null) throw new EngineError('internal', `${module.module} lost its codes since it was judged`, { tensor: module.module });
      const data = await encodeBlocks(type, stored, rowOrder(architecture, module.module, rows, config.shape.headDim));
      module.release();
      return data;
    },
  };
}

const denseTypes: Readonly<Record<string, 'F32' | 'F16' | 'BF16'>> = { F32: 'F32', F16: 'F16', BF16: 'BF16' };
/** Buffers that some checkpoints hold; every reader makes them itself. */
const buffers = /\.(rotary_emb\.inv_freq|masked_bias|attn\.bias)$/;

function denseJob(source: DirectorySource, architecture: GgufArchitecture, config: ModelConfig, tensor: TensorInfo): readonly Job[] {
  if (buffers.test(tensor.name) || (tensor.name.startsWith('lm_head.') && config.shape.tiedEmbeddings)) return [];
  const [, module = tensor.name, part = 'weight'] = /^(.*)\.(weight|bias)$/.exec(tensor.name) ?? [];
  const type = denseTypes[tensor.dtype];
  if (type === undefined)
    throw new EngineError('config', `${tensor.file}: ${tensor.name} has type ${tensor.dtype}, which has no form in a GGUF file here`, { tensor: tensor.name });
  const name = `${nameOf(architecture, module, tensor)}.${part}`;
  const [rows = 1] = tensor.shape;
  const order = rowOrder(architecture, module, rows, config.shape.headDim);
  if (tensor.shape.length > 1) return [{ name, type, shape: tensor.shape, data: () => pieces(source, tensor, order, config.shape.headDim) }];
  const offset = normOffset(architecture, tensor.name);
  const vector = async (): Promise<Uint8Array> => {
    const values = await source.mapped.floats(tensor.name);
    return bytesOf(values.map((_, at) => (values[order?.[at] ?? at] ?? 0) + offset));
  };
  return [{ name, type: 'F32', shape: tensor.shape, data: vector }];
}

function nameOf(architecture: GgufArchitecture, module: string, tensor: TensorInfo): string {
  try {
    return ggufModule(architecture, module);
  } catch (cause) {
    throw new EngineError('config', `${tensor.file}: ${tensor.name} has no name in GGUF files of ${architecture} models`, {
      file: tensor.file,
      tensor: tensor.name,
      cause,
    });
  }
}

const pieceBytes = 4 * 2 ** 20;

/** The rows of a matrix in the order of the file; a head at a time where that is another. */
function* pieces(source: DirectorySource, tensor: TensorInfo, order: Int32Array | null, headDim: number): Iterable<Uint8Array> {
  const { file, offset, length } = source.mapped.place(tensor.name);
  const [rows = 1] = tensor.shape;
  const row = length / rows;
  if (order === null) {
    for (let done = 0; done < length; done += pieceBytes) {
      const bytes = Math.min(pieceBytes, length - done);
      yield file.read(offset + done, bytes);
      file.release(offset + done, bytes);
    }
    return;
  }
  for (let head = 0; head < rows; head += headDim) {
    const bytes = file.read(offset + head * row, headDim * row);
    const out = new Uint8Array(bytes.length);
    for (let at = 0; at < headDim; at++) {
      const from = (order[head + at] ?? 0) - head;
      out.set(bytes.subarray(from * row, (from + 1) * row), at * row);
    }
    yield out;
  }
  source.mapped.release(tensor.name);
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function mostUsed(jobs: readonly Job[]): GgufType {
  const bytes = new Map<GgufType, number>();
  for (const job of jobs) if (job.name.startsWith('blk.') && job.shape.length > 1) bytes.set(job.type, (bytes.get(job.type) ?? 0) + tensorBytes(job));
  return [...bytes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'F32';
}

function forms(choices: readonly { readonly type: BlockType }[]): Written['linears'] {
  const counts = new Map<string, number>();
  for (const { type } of choices) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([form, modules]) => ({ form, modules }));
}

function roundingWarnings(source: DirectorySource, choices: readonly { readonly rounded: number }[]): readonly string[] {
  const rounded = choices.filter((choice) => choice.rounded > 0);
  const worst = Math.max(0, ...rounded.map((choice) => choice.rounded));
  const quantizedActivations = source.recipe.activations !== null && source.modules.length > 0;
  return [
    ...(rounded.length === 0
      ? []
      : [
          `${rounded.length} linears are Q4_1 with codes and scales as they are, but minimums (zero point times scale) rounded to float16: by ${(100 * worst).toFixed(2)} % of a step at most; --exact writes Q5_0 instead, without rounding`,
        ]),
    ...(quantizedActivations
      ? ['activations were quantized to integers in the source; GGUF files do not say so, and each runtime computes in its own way']
      : []),
  ];
}

/** What else belongs to a model that is one file: its terms. */
async function copyTerms(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    if (!/^(LICEN[CS]E|NOTICE)/i.test(name)) continue;
    await copyFile(join(from, name), join(to, name)).catch((cause: unknown) => {
      throw fileError('copy', join(from, name), cause);
    });
  }
}
