// Writes a whole checkpoint into a directory: one model.safetensors, or shards of at most `maxShardBytes` with their index.
// Tensors whose length is not known beforehand go into files that are added as a whole. Files appear complete or not at all; the index is written last, so
// that an interrupted directory is never taken for a model.
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, fileError } from '../errors.ts';
import { readHeader } from './file.ts';
import { createSafetensors, planBytes, type SafetensorsWriter, safetensorsBytes, type TensorPlace, type TensorPlan } from './writer.ts';

export interface CheckpointWriter {
  /** File names in the directory, without the index. */
  readonly files: readonly string[];
  /** Where they lie until they are finished. */
  readonly temporaries: readonly string[];
  /** Bytes of all files but the index. */
  readonly fileBytes: number;
  write(name: string, data: ArrayBufferView | Iterable<ArrayBufferView>): Promise<void>;
  /** For who writes the tensor into its file by itself; it counts as written. */
  claim(name: string): TensorPlace;
  /** Writes the `index`th of the added files, whole and synced. */
  add(index: number, tensors: readonly WholeTensor[]): Promise<void>;
  /** Takes over the `index`th of the added files from an interrupted run; where it lies. Throws when it is not there. */
  adopt(index: number): Promise<string>;
  /** Makes what was written durable. */
  sync(): Promise<void>;
  finish(): Promise<void>;
  abort(): Promise<void>;
}

export interface WholeTensor extends TensorPlan {
  readonly data: Uint8Array;
}

export interface CheckpointOptions {
  /** Bytes of tensors a shard may hold; a larger tensor gets a shard of its own. Default: one file. */
  readonly maxShardBytes?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Tensors that an interrupted run of the same plan wrote and synced. */
  readonly kept?: ReadonlySet<string>;
  /** How many files will be added. Default: none. */
  readonly added?: number;
}

const written = { format: 'pt' };

/** Bytes of all files that `createCheckpoint` would make of the plan, without the index. */
export function checkpointBytes(plan: readonly TensorPlan[], maxShardBytes: number): number {
  return splitPlan(plan, maxShardBytes).reduce((sum, shard) => sum + safetensorsBytes(shard, written), 0);
}

export async function createCheckpoint(directory: string, plan: readonly TensorPlan[], options: CheckpointOptions = {}): Promise<CheckpointWriter> {
  const shards = splitPlan(plan, options.maxShardBytes ?? Number.POSITIVE_INFINITY);
  const count = shards.length + (options.added ?? 0);
  const names = Array.from({ length: count }, (_, index) => shardName(index, count));
  const metadata = { ...written, ...options.metadata };
  const writers: SafetensorsWriter[] = [];
  const owner = new Map<string, SafetensorsWriter>();
  const weightMap: Record<string, string> = {};
  const abort = async (): Promise<void> => {
    for (const writer of writers) await writer.abort();
  };
  try {
    for (const [index, shard] of shards.entries()) {
      const name = names[index] ?? '';
      const writer = await createSafetensors(join(directory, name), shard, metadata, keptOf(shard, options.kept));
      writers.push(writer);
      for (const tensor of shard) {
        owner.set(tensor.name, writer);
        weightMap[tensor.name] = name;
      }
    }
  } catch (cause) {
    await abort();
    throw cause;
  }
  const writerOf = (name: string): SafetensorsWriter => {
    const writer = owner.get(name);
    if (writer === undefined) throw new EngineError('internal', `tensor ${name} is not planned for ${directory}`, { file: directory, tensor: name });
    return writer;
  };
  const addedName = (index: number): string => {
    const name = names[shards.length + index];
    if (name === undefined) throw new EngineError('internal', `file ${index} is not planned for ${directory}`, { file: directory });
    return name;
  };
  let addedBytes = 0;
  let addedTensorBytes = 0;
  const place = (name: string, tensors: readonly TensorPlan[], bytes: number): void => {
    addedBytes += bytes;
    for (const tensor of tensors) {
      weightMap[tensor.name] = name;
      addedTensorBytes += planBytes(tensor);
    }
  };
  return {
    files: names,
    temporaries: writers.map((writer) => writer.temporary),
    get fileBytes() {
      return writers.reduce((sum, writer) => sum + writer.fileBytes, addedBytes);
    },
    write: async (name, data) => writerOf(name).write(name, data),
    claim: (name) => writerOf(name).claim(name),
    add: async (index, tensors) => {
      const name = addedName(index);
      const writer = await createSafetensors(join(directory, name), tensors, metadata);
      try {
        for (const tensor of tensors) await writer.write(tensor.name, tensor.data);
        await writer.finish();
      } catch (cause) {
        await writer.abort();
        throw cause;
      }
      place(name, tensors, writer.fileBytes);
    },
    adopt: async (index) => {
      const name = addedName(index);
      const { file, tensors, fileBytes } = await readHeader(join(directory, name));
      place(name, [...tensors.values()], fileBytes);
      return file;
    },
    sync: async () => {
      for (const writer of writers) await writer.sync();
    },
    finish: async () => {
      for (const writer of writers) await writer.finish();
      if (count === 1) return;
      const total = plan.reduce((sum, tensor) => sum + planBytes(tensor), addedTensorBytes);
      const sorted = Object.fromEntries(Object.entries(weightMap).sort(([a], [b]) => (a < b ? -1 : 1)));
      await writeIndex(
        join(directory, 'model.safetensors.index.json'),
        `${JSON.stringify({ metadata: { total_size: total }, weight_map: sorted }, null, 2)}\n`,
      );
    },
    abort,
  };
}

function keptOf(shard: readonly TensorPlan[], kept: ReadonlySet<string> | undefined): ReadonlySet<string> {
  return new Set(shard.map((tensor) => tensor.name).filter((name) => kept?.has(name) ?? false));
}

/** Cuts the plan, in its order, into shards. */
export function splitPlan(plan: readonly TensorPlan[], maxShardBytes: number): TensorPlan[][] {
  const shards: TensorPlan[][] = [[]];
  let used = 0;
  for (const tensor of plan) {
    const bytes = planBytes(tensor);
    if (used > 0 && used + bytes > maxShardBytes) {
      shards.push([]);
      used = 0;
    }
    shards.at(-1)?.push(tensor);
    used += bytes;
  }
  return shards;
}

function shardName(index: number, count: number): string {
  if (count === 1) return 'model.safetensors';
  const five = (value: number): string => String(value).padStart(5, '0');
  return `model-${five(index + 1)}-of-${five(count)}.safetensors`;
}

async function writeIndex(file: string, text: string): Promise<void> {
  const temporary = `${file}.partial`;
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw fileError('write', file, cause);
  }
}
