// A checkpoint as its headers describe it: every tensor of a model directory (or of one safetensors file), by name. Reads headers only;
// the data comes through MappedCheckpoint (mapped.ts).
import { EngineError } from '../errors.ts';
import { readHeader } from './file.ts';
import type { SafetensorsHeader, TensorInfo } from './header.ts';
import { findShards } from './shards.ts';

export interface Checkpoint {
  readonly path: string;
  readonly files: readonly string[];
  /** Bytes of all files. */
  readonly fileBytes: number;
  /** Of the first file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Sorted. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** Throws kind `checkpoint` when there is no such tensor. */
  info(name: string): TensorInfo;
  find(name: string): TensorInfo | undefined;
}

/** `path`: model directory, safetensors file or shard index. Throws kind `input`, `io` or `checkpoint`, naming file, tensor and offset. */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const { files, placement, indexFile } = await findShards(path);
  return describe(path, files, placement, indexFile);
}

/** Files that together are a checkpoint, though nothing says so yet: what a job has written so far. */
export async function openCheckpointFiles(path: string, files: readonly string[]): Promise<Checkpoint> {
  return describe(path, files, null, null);
}

async function describe(path: string, files: readonly string[], placement: ReadonlyMap<string, string> | null, indexFile: string | null): Promise<Checkpoint> {
  const tensors = new Map<string, TensorInfo>();
  let fileBytes = 0;
  let metadata: ReadonlyMap<string, string> | null = null;
  for (const file of files) {
    const header = await readHeader(file);
    fileBytes += header.fileBytes;
    metadata ??= header.metadata;
    addTensors(tensors, header, placement, indexFile);
  }
  for (const [name, file] of placement ?? []) {
    if (!tensors.has(name))
      throw new EngineError('checkpoint', `${file}: tensor ${name} is missing, though ${indexFile} says it is here`, { file, tensor: name });
  }
  const names = [...tensors.keys()].sort();
  return {
    path,
    files,
    fileBytes,
    metadata: metadata ?? new Map(),
    names,
    has: (name) => tensors.has(name),
    find: (name) => tensors.get(name),
    info: (name) => {
      const info = tensors.get(name);
      if (info === undefined) throw new EngineError('checkpoint', `${path} has no tensor ${name}`, { file: path, tensor: name });
      return info;
    },
  };
}

function addTensors(into: Map<string, TensorInfo>, header: SafetensorsHeader, placement: ReadonlyMap<string, string> | null, indexFile: string | null): void {
  for (const [name, info] of header.tensors) {
    const other = into.get(name);
    if (other !== undefined)
      throw new EngineError('checkpoint', `tensor ${name} is in two files: ${other.file} and ${info.file}`, { file: info.file, tensor: name });
    const stated = placement?.get(name);
    if (stated !== undefined && stated !== info.file) {
      throw new EngineError('checkpoint', `${info.file}: holds tensor ${name}, which ${indexFile} places in ${stated}`, { file: info.file, tensor: name });
    }
    into.set(name, info);
  }
}
