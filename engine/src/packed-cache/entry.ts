// The file of a packed model: magic, length and SHA-256 of a JSON index, the index, then the weights as the native side saves them.
//   "QWPACK01" | u32 index bytes | u32 0 | sha256 [32] | index | zeros up to a multiple of 4096 | weight | weight | ...
// The index says how long the file is, so that a cut one is told from its size alone.
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';

export interface PackedPlace {
  readonly module: string;
  readonly offset: number;
  readonly length: number;
}

export interface EntryIndex {
  readonly fileBytes: number;
  /** Where the model was when it was packed; for people. */
  readonly model: string;
  readonly weights: readonly PackedPlace[];
}

const magic = 'QWPACK01';
const headBytes = 48;
const page = 4096;
/** An index takes about 100 bytes a module. */
const maxIndexBytes = 16 * 2 ** 20;

/** Lays weights of these lengths out behind their index, each at the beginning of a page. */
export function planEntry(model: string, modules: readonly { readonly module: string; readonly bytes: number }[]): { index: EntryIndex; head: Uint8Array } {
  // Offsets have up to 15 digits, so the index is first made with the longest ones to know its length.
  const longest = modules.map(({ module, bytes }) => ({ module, offset: 999_999_999_999_999, length: bytes }));
  const reserved = Buffer.byteLength(JSON.stringify({ fileBytes: 999_999_999_999_999, model, weights: longest }));
  let offset = pages(headBytes + reserved);
  const begin = offset;
  const weights = modules.map(({ module, bytes }) => {
    const place = { module, offset, length: bytes };
    offset += pages(bytes);
    return place;
  });
  const last = weights.at(-1);
  const index: EntryIndex = { fileBytes: last === undefined ? begin : last.offset + last.length, model, weights };
  const text = Buffer.from(JSON.stringify(index));
  const head = Buffer.alloc(begin);
  head.write(magic, 'latin1');
  head.writeUInt32LE(text.length, 8);
  createHash('sha256').update(text).digest().copy(head, 16);
  text.copy(head, headBytes);
  return { index, head };
}

/** The index of `path`; a text says what is wrong with the file. Rejects when it cannot be read. */
export async function readIndex(path: string): Promise<EntryIndex | string> {
  const handle = await open(path, 'r');
  try {
    const head = Buffer.alloc(headBytes);
    const { bytesRead } = await handle.read(head, 0, headBytes, 0);
    if (bytesRead < headBytes || head.toString('latin1', 0, 8) !== magic) return 'it does not begin as a packed model';
    const length = head.readUInt32LE(8);
    if (length > maxIndexBytes) return `its index has ${length} bytes`;
    const text = Buffer.alloc(length);
    await handle.read(text, 0, length, headBytes);
    if (!createHash('sha256').update(text).digest().equals(head.subarray(16, headBytes))) return 'its index is damaged';
    const index = JSON.parse(text.toString()) as EntryIndex; // as planEntry wrote it: the checksum vouches for it
    const { size } = await stat(path);
    return size === index.fileBytes ? index : `it has ${size} bytes instead of ${index.fileBytes}`;
  } finally {
    await handle.close();
  }
}

function pages(bytes: number): number {
  return Math.ceil(bytes / page) * page;
}
