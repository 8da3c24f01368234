// Test support: writes GGUF files, sound and damaged. Knows the layout on its own account: nothing of the reader is used.

/** Value types by number: 4 uint32, 5 int32, 6 float32, 7 bool, 8 text, 9 list. */
export type Entry =
  | readonly [key: string, kind: 'u32' | 'i32' | 'f32' | 'u64', value: number]
  | readonly [key: string, kind: 'bool', value: boolean]
  | readonly [key: string, kind: 'text', value: string]
  | readonly [key: string, kind: 'texts', value: readonly string[]]
  | readonly [key: string, kind: 'f32s' | 'i32s', value: readonly number[]];

export interface TensorEntry {
  readonly name: string;
  /** Number of the type. */
  readonly type: number;
  /** [rows, cols]; the file has them the other way round. */
  readonly shape: readonly number[];
  readonly data: Uint8Array;
  /** Instead of the true one, relative to the data. */
  readonly offset?: number;
}

export interface GgufFile {
  readonly entries: readonly Entry[];
  readonly tensors: readonly TensorEntry[];
  readonly version?: number;
  readonly alignment?: number;
  /** Instead of the true counts. */
  readonly counts?: { readonly tensors?: number; readonly entries?: number };
}

export function ggufFile({ entries, tensors, version = 3, alignment = 32, counts = {} }: GgufFile): Uint8Array {
  const padded = (size: number): number => Math.ceil(size / alignment) * alignment;
  let offset = 0;
  const table = tensors.map((tensor) => {
    const row = [text(tensor.name), u32(tensor.shape.length), ...[...tensor.shape].reverse().map(u64), u32(tensor.type), u64(tensor.offset ?? offset)];
    offset += padded(tensor.data.length);
    return Buffer.concat(row);
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(counts.tensors ?? tensors.length),
    u64(counts.entries ?? entries.length),
    ...entries.map(entry),
    ...table,
  ]);
  const filled = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);
  return Buffer.concat([filled(head), ...tensors.map(({ data }) => filled(data))]);
}

function entry([key, kind, value]: Entry): Buffer {
  const numbers = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, u64: 10 } as const;
  const scalars = {
    u32: (number: unknown) => u32(Number(number)),
    i32: (number: unknown) => i32(Number(number)),
    u64: (number: unknown) => u64(Number(number)),
    f32: (number: unknown) => f32(Number(number)),
    bool: (flag: unknown) => Buffer.from([flag === true ? 1 : 0]),
    text: (words: unknown) => text(String(words)),
  } as const;
  if (kind === 'texts' || kind === 'f32s' || kind === 'i32s') {
    const one = kind === 'texts' ? 'text' : kind === 'f32s' ? 'f32' : 'i32';
    return Buffer.concat([text(key), u32(9), u32(numbers[one]), u64(value.length), ...value.map(scalars[one])]);
  }
  return Buffer.concat([text(key), u32(numbers[kind]), scalars[kind](value)]);
}

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function i32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32LE(value);
  return out;
}

function u64(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

function f32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return out;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
}
