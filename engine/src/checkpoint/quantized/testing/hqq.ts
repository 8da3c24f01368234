// A plain HQQ quantizer (without its optimization) and packer, written from the description of its layout; it shares nothing with the reader.
import type { TestTensor } from './stored-tensors.ts';

export interface HqqOptions {
  readonly nbits: 1 | 1.58 | 2 | 3 | 4 | 5 | 6 | 8;
  readonly groupSize: number;
  /** Name under which the packed bytes are stored. */
  readonly view?: 'F16' | 'BF16';
}

export interface HqqLinear {
  readonly tensors: readonly TestTensor[];
  /** What the tensors mean, [rows, cols]. */
  readonly weights: Float32Array;
}

/** Lines of `groupSize` weights; scale and zero in f32. rows * cols / groupSize must be a multiple of the fields of a byte. */
export function hqqLinear(module: string, values: Float32Array, rows: number, cols: number, { nbits, groupSize, view }: HqqOptions): HqqLinear {
  const most = Math.round(2 ** nbits - 1);
  const lines = values.length / groupSize;
  const scale = new Float32Array(lines);
  const zero = new Float32Array(lines);
  const codes = new Uint8Array(values.length);
  for (let line = 0; line < lines; line += 1) {
    const part = values.subarray(line * groupSize, (line + 1) * groupSize);
    const [low, high] = [Math.min(...part), Math.max(...part)];
    scale[line] = high - low > 1e-4 ? (high - low) / most : 1;
    zero[line] = -low / (scale[line] ?? 1);
    for (const [index, value] of part.entries())
      codes[line * groupSize + index] = Math.min(most, Math.max(0, Math.round(value / (scale[line] ?? 1) + (zero[line] ?? 0))));
  }
  const weights = Float32Array.from(codes, (code, index) => {
    const line = Math.floor(index / groupSize);
    return Math.fround(code - (zero[line] ?? 0)) * (scale[line] ?? 0);
  });
  const packed = pack(codes, nbits, lines, groupSize);
  const name = (part: string): string => `${module}.${part}`;
  const isFloat = nbits === 1.58;
  return {
    weights,
    tensors: [
      view === undefined
        ? { name: name('W_q'), dtype: nbits === 3 ? 'I32' : 'U8', shape: [packed.length / groupSize, groupSize], data: packed }
        : { name: name('W_q'), dtype: view, shape: [packed.byteLength / 2], data: packed },
      { name: name('scale'), dtype: 'F32', shape: [lines, 1], data: scale },
      { name: name('zero'), dtype: 'F32', shape: [lines, 1], data: zero },
      { name: name('shape'), dtype: 'I64', shape: [2], data: BigInt64Array.of(BigInt(rows), BigInt(cols)) },
      { name: name('nbits'), dtype: isFloat ? 'F32' : 'I32', shape: [], data: isFloat ? Float32Array.of(nbits) : Int32Array.of(nbits) },
      { name: name('axis'), dtype: 'I32', shape: [], data: Int32Array.of(1) },
      { name: name('group_size'), dtype: 'I32', shape: [], data: Int32Array.of(groupSize) },
      { name: name('view_as_float'), dtype: 'U8', shape: [], data: Uint8Array.of(view === undefined ? 0 : 1) },
    ],
  };
}

/** Line n of a part of the lines lies in the same place of every part; the first part in the highest bits. */
function pack(codes: Uint8Array, nbits: number, lines: number, groupSize: number): Uint8Array | Int32Array {
  if (nbits === 3) {
    const step = Math.ceil(lines / 10);
    const words = new Int32Array(step * groupSize);
    for (const [index, code] of codes.entries()) {
      const line = Math.floor(index / groupSize);
      const at = (line % step) * groupSize + (index % groupSize);
      words[at] = (words[at] ?? 0) | (code << (27 - 3 * Math.floor(line / step)));
    }
    return words;
  }
  const fields = nbits === 1 ? 8 : nbits <= 2 ? 4 : nbits === 4 ? 2 : 1;
  const width = 8 / fields;
  const part = codes.length / fields;
  const bytes = new Uint8Array(part);
  for (const [index, code] of codes.entries()) bytes[index % part] = (bytes[index % part] ?? 0) | (code << (8 - width * (1 + Math.floor(index / part))));
  return bytes;
}
