// Writes one safetensors file: header first from a plan, then tensors in any order at their places. The file appears under its name only when complete:
// it is written beside itself, synced and renamed. Bytes depend on the plan and the data alone, so that two runs of a job give equal files.
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineError, fileError } from '../errors.ts';
import { type Dtype, dtypeBytes } from './dtype.ts';
import { limits } from './limits.ts';

export interface TensorPlan {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** `shape` is an estimate, and the tensor is written to a file of its part (pipeline/sink.ts). */
  readonly late?: true;
}

export interface TensorPlace {
  readonly path: string;
  readonly offset: number;
}

export interface SafetensorsWriter {
  readonly file: string;
  /** Where it lies until it is finished; of its whole length from the beginning. */
  readonly temporary: string;
  /** Of the finished file. */
  readonly fileBytes: number;
  /** Every planned tensor exactly once, in any order. `data`: little endian, row-major; in pieces when it is large. */
  write(name: string, data: ArrayBufferView | Iterable<ArrayBufferView>): Promise<void>;
  /** For who writes a planned tensor into the file by itself: where it lies, in the file as it is called until `finish`. It counts as written. */
  claim(name: string): TensorPlace;
  /** Makes what was written durable, so that a later run can continue after it. */
  sync(): Promise<void>;
  /** Syncs and renames. Throws kind `internal` when a planned tensor was not written. */
  finish(): Promise<void>;
  /** Removes what was written; safe at any time, also after `finish` (does nothing then). */
  abort(): Promise<void>;
}

/** Bytes of a tensor. */
export function planBytes(plan: TensorPlan): number {
  return plan.shape.reduce((product, size) => product * size, dtypeBytes(plan.dtype));
}

/**
 * Tensors lie in the order of `plan`, grouped by falling element width so that each is aligned to its elements.
 * `kept`: tensors that an interrupted writer of the same plan and metadata wrote and synced; they are taken over. Throws kind `io` or `internal`.
 */
export async function createSafetensors(
  file: string,
  plan: readonly TensorPlan[],
  metadata: Readonly<Record<string, string>> = {},
  kept: ReadonlySet<string> = new Set(),
): Promise<SafetensorsWriter> {
  const { header, places, fileBytes } = layOut(file, plan, metadata);
  const temporary = `${file}.partial`;
  let handle: FileHandle | null = await open(temporary, kept.size === 0 ? 'w' : 'r+').catch((cause: unknown) => {
    throw fileError('create', temporary, cause);
  });
  const missing = new Set([...places.keys()].filter((name) => !kept.has(name)));
  const close = async (): Promise<void> => {
    await handle?.close();
    handle = null;
  };
  const writeAt = async (data: ArrayBufferView, position: number): Promise<void> => {
    if (handle === null) throw new EngineError('internal', `${file} is finished`, { file });
    await writeFully(handle, data, position).catch((cause: unknown) => {
      throw fileError('write', temporary, cause);
    });
  };
  const abort = async (): Promise<void> => {
    await close();
    await rm(temporary, { force: true });
  };
  try {
    await writeAt(header, 0);
    // Of its whole length from the beginning: what was written can be read through a mapping before the rest is.
    await handle.truncate(fileBytes).catch((cause: unknown) => {
      throw fileError('write', temporary, cause);
    });
  } catch (cause) {
    await abort();
    throw cause;
  }
  const take = (name: string): Place => {
    const place = places.get(name);
    if (place === undefined || !missing.delete(name))
      throw new EngineError('internal', `tensor ${name} is not planned for ${file}, or was written before`, { file, tensor: name });
    return place;
  };
  return {
    file,
    temporary,
    fileBytes,
    claim: (name) => ({ path: temporary, offset: take(name).offset }),
    write: async (name, data) => {
      const place = take(name);
      let written = 0;
      for (const piece of ArrayBuffer.isView(data) ? [data] : data) {
        written += piece.byteLength;
        if (written > place.bytes) break;
        await writeAt(piece, place.offset + written - piece.byteLength);
      }
      if (written !== place.bytes) {
        throw new EngineError('internal', `tensor ${name} of ${file}: ${written} bytes given, ${place.bytes} planned`, { file, tensor: name });
      }
    },
    sync: async () => {
      await handle?.sync().catch((cause: unknown) => {
        throw fileError('write', temporary, cause);
      });
    },
    finish: async () => {
      const [first] = missing;
      if (first !== undefined)
        throw new EngineError('internal', `${missing.size} tensors of ${file} were not written, the first is ${first}`, { file, tensor: first });
      try {
        await handle?.sync();
        await close();
        await rename(temporary, file);
        await syncDirectory(dirname(file));
      } catch (cause) {
        throw fileError('finish', file, cause);
      }
    },
    abort,
  };
}

/** Bytes of the finished file. */
export function safetensorsBytes(plan: readonly TensorPlan[], metadata: Readonly<Record<string, string>>): number {
  return layOut('the file', plan, metadata).fileBytes;
}

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

function layOut(
  file: string,
  plan: readonly TensorPlan[],
  metadata: Readonly<Record<string, string>>,
): { header: Uint8Array; places: Map<string, Place>; fileBytes: number } {
  const entries: string[] = [];
  const pairs = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (pairs.length > 0) entries.push(`"__metadata__":${JSON.stringify(Object.fromEntries(pairs))}`);
  const relative = new Map<string, Place>();
  let end = 0;
  for (const tensor of [...plan].sort((a, b) => dtypeBytes(b.dtype) - dtypeBytes(a.dtype))) {
    if (relative.has(tensor.name) || tensor.name === '__metadata__')
      throw new EngineError('internal', `tensor ${tensor.name} is planned twice for ${file}`, { file, tensor: tensor.name });
    const bytes = planBytes(tensor);
    if (!Number.isSafeInteger(end + bytes))
      throw new EngineError('internal', `tensor ${tensor.name} of ${file}: shape [${tensor.shape.join(', ')}] has no sane size`, { file, tensor: tensor.name });
    entries.push(`${JSON.stringify(tensor.name)}:${JSON.stringify({ dtype: tensor.dtype, shape: tensor.shape, data_offsets: [end, end + bytes] })}`);
    relative.set(tensor.name, { offset: end, bytes });
    end += bytes;
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  // Trailing spaces bring the data to a multiple of 8, the widest element.
  const padded = Math.ceil(json.length / 8) * 8;
  if (padded > limits.headerBytes)
    throw new EngineError('internal', `the header of ${file} would have ${padded} bytes, the format's limit is ${limits.headerBytes}; use more shards`, {
      file,
    });
  const header = new Uint8Array(8 + padded).fill(0x20);
  header.set(json, 8);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  const places = new Map([...relative].map(([name, place]) => [name, { ...place, offset: header.length + place.offset }]));
  return { header, places, fileBytes: header.length + end };
}

/** One write call takes at most 2 GiB on Linux, and libuv copies nothing: 64 MiB keeps every call short enough to be interrupted by an abort. */
const chunkBytes = 64 * 1024 * 1024;

async function writeFully(handle: FileHandle, data: ArrayBufferView, position: number): Promise<void> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(chunkBytes, bytes.length - done), position + done);
    done += bytesWritten;
  }
}

/** Makes the rename durable. Windows cannot sync a directory, and needs not to. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
