// Writes one GGUF file (version 3; ggml repository, docs/gguf.md): metadata and the table of tensors first, then the tensors in their order, in pieces.
// The file appears under its name only when complete: it is written beside itself, synced and renamed.
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { EngineError, fileError } from '../../errors.ts';
import { bytesOfType, type GgufType, ggufTypes } from './types.ts';

/** A metadata value with its type in the file. */
export type GgufEntry =
  | { readonly key: string; readonly type: 'u32' | 'i32' | 'f32'; readonly value: number }
  | { readonly key: string; readonly type: 'bool'; readonly value: boolean }
  | { readonly key: string; readonly type: 'text'; readonly value: string }
  | { readonly key: string; readonly type: 'texts'; readonly value: readonly string[] }
  | { readonly key: string; readonly type: 'f32s' | 'i32s'; readonly value: readonly number[] };

export interface GgufTensorPlan {
  readonly name: string;
  readonly type: GgufType;
  /** Outermost first; the file has them the other way round. */
  readonly shape: readonly number[];
}

export interface GgufWriter {
  /** Of the finished file. */
  readonly fileBytes: number;
  /** Every planned tensor, in the order of the plan. */
  write(name: string, data: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>;
  /** Syncs and renames. Throws kind `internal` when a tensor was not written. */
  finish(): Promise<void>;
  /** Removes what was written; safe at any time. */
  abort(): Promise<void>;
}

const alignment = 32;
const padded = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Of one tensor. */
export function tensorBytes({ type, shape }: GgufTensorPlan): number {
  return bytesOfType(
    type,
    shape.reduce((product, size) => product * size, 1),
  );
}

/** Bytes of the file that createGguf would write. */
export function ggufFileBytes(entries: readonly GgufEntry[], tensors: readonly GgufTensorPlan[]): number {
  return padded(header(entries, tensors).length) + tensors.reduce((sum, tensor) => sum + padded(tensorBytes(tensor)), 0);
}

/** Throws kind `io` when the file cannot be written. */
export async function createGguf(file: string, entries: readonly GgufEntry[], tensors: readonly GgufTensorPlan[]): Promise<GgufWriter> {
  const head = header(entries, tensors);
  const temporary = `${file}.partial`;
  let handle: FileHandle | null = await open(temporary, 'w').catch((cause: unknown) => {
    throw fileError('create', temporary, cause);
  });
  let [position, next] = [0, 0];
  const append = async (data: Uint8Array): Promise<void> => {
    let done = 0;
    while (done < data.length) {
      if (handle === null) throw new EngineError('internal', `${file} is finished`, { file });
      const { bytesWritten } = await handle.write(data, done, data.length - done, position + done).catch((cause: unknown) => {
        throw fileError('write', temporary, cause);
      });
      done += bytesWritten;
    }
    position += data.length;
  };
  const align = (): Promise<void> => append(new Uint8Array(padded(position) - position));
  const abort = async (): Promise<void> => {
    await handle?.close();
    handle = null;
    await rm(temporary, { force: true });
  };
  try {
    await append(head);
    await align();
  } catch (cause) {
    await abort();
    throw cause;
  }
  return {
    fileBytes: ggufFileBytes(entries, tensors),
    write: async (name, data) => {
      const tensor = tensors[next];
      if (tensor?.name !== name)
        throw new EngineError('internal', `tensor ${name} is not the next of ${file}, which is ${tensor?.name}`, { file, tensor: name });
      next += 1;
      const begin = position;
      for await (const piece of data instanceof Uint8Array ? [data] : data) await append(piece);
      if (position - begin !== tensorBytes(tensor))
        throw new EngineError('internal', `tensor ${name} of ${file}: ${position - begin} bytes given, ${tensorBytes(tensor)} planned`, { file, tensor: name });
      await align();
    },
    finish: async () => {
      const missing = tensors[next];
      if (missing !== undefined) throw new EngineError('internal', `tensor ${missing.name} of ${file} was not written`, { file, tensor: missing.name });
      try {
        await handle?.sync();
        await handle?.close();
        handle = null;
        await rename(temporary, file);
      } catch (cause) {
        throw fileError('finish', file, cause);
      }
    },
    abort,
  };
}

function header(entries: readonly GgufEntry[], tensors: readonly GgufTensorPlan[]): Uint8Array {
  let offset = 0;
  const table = tensors.map((tensor) => {
    const row = [text(tensor.name), u32(tensor.shape.length), ...[...tensor.shape].reverse().map(u64), u32(ggufTypes[tensor.type].id), u64(offset)];
    offset += padded(tensorBytes(tensor));
    return Buffer.concat(row);
  });
  return Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length), ...entries.map(entryBytes), ...table]);
}

/** Numbers of the value types: bytes.ts reads them. */
const typeNumbers = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8 } as const;
const listType = 9;

function entryBytes(entry: GgufEntry): Buffer {
  const key = text(entry.key);
  switch (entry.type) {
    case 'texts':
      return Buffer.concat([key, u32(listType), u32(typeNumbers.text), u64(entry.value.length), ...entry.value.map(text)]);
    case 'f32s':
      return Buffer.concat([key, u32(listType), u32(typeNumbers.f32), u64(entry.value.length), Buffer.from(Float32Array.from(entry.value).buffer)]);
    case 'i32s':
      return Buffer.concat([key, u32(listType), u32(typeNumbers.i32), u64(entry.value.length), Buffer.from(Int32Array.from(entry.value).buffer)]);
    case 'text':
      return Buffer.concat([key, u32(typeNumbers.text), text(entry.value)]);
    case 'bool':
      return Buffer.concat([key, u32(typeNumbers.bool), Buffer.from([entry.value ? 1 : 0])]);
    case 'f32':
      return Buffer.concat([key, u32(typeNumbers.f32), Buffer.from(Float32Array.of(entry.value).buffer)]);
    default:
      return Buffer.concat([key, u32(typeNumbers[entry.type]), Buffer.from(Int32Array.of(entry.value).buffer)]);
  }
}

function u32(value: number): Buffer {
  return Buffer.from(Uint32Array.of(value).buffer);
}

function u64(value: number): Buffer {
  return Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
}
