// Codes with their scales and zero points -> rows of GGUF blocks of the type that block-type.ts chose (ggml repository, src/ggml-common.h :: block_q*).

import { ggufTypes } from '../../checkpoint/gguf/types.ts';
import { encodeFloats } from '../../pipeline/layouts/codes.ts';
import type { StoredMatrix } from '../stored-matrix.ts';
import { type BlockType, superBlocks, unsignedZeros } from './block-type.ts';

/** Bytes [rows, cols / block, bytes of a block]. `order`: row of the matrix for every row written; null: as they are. */
export async function encodeBlocks(type: BlockType, matrix: StoredMatrix, order: Int32Array | null): Promise<Uint8Array> {
  const { rows, cols, bits, signed } = matrix;
  const stored = await matrix.codes();
  const shift = signed ? 2 ** (bits - 1) : 0;
  const zeros = unsignedZeros(matrix);
  const rowBytes = (cols / ggufTypes[type].weights) * ggufTypes[type].bytes;
  const out = new Uint8Array(rows * rowBytes);
  const write = type === 'Q4_K' ? kRow(matrix, zeros) : plainRow(type, matrix, zeros);
  const levels = new Int16Array(cols);
  for (let row = 0; row < rows; row++) {
    const from = order?.[row] ?? row;
    for (let col = 0; col < cols; col++) levels[col] = (stored[from * cols + col] ?? 0) + shift;
    write(levels, from, out, row * rowBytes);
  }
  return out;
}

/** Unsigned codes of one row -> its blocks from byte `to` on. */
type RowEncoder = (codes: Int16Array, row: number, out: Uint8Array, to: number) => void;

/** What is taken from a code before it is stored, beside its zero point. */
const middles = { Q4_0: 8, Q5_0: 16, Q8_0: 0 } as const;

function plainRow(type: Exclude<BlockType, 'Q4_K'>, { cols, groups, groupSize, scale }: StoredMatrix, zeros: Float32Array): RowEncoder {
  const scales = halves(scale);
  const minimums = type === 'Q4_1' ? halves(scale.map((step, at) => -step * (zeros[at] ?? 0))) : null;
  const { bytes } = ggufTypes[type];
  return (codes, row, out, to) => {
    for (let begin = 0, at = to; begin < cols; begin += 32, at += bytes) {
      const parameter = row * groups + (groups === 1 ? 0 : Math.floor(begin / groupSize));
      put16(out, at, scales[parameter] ?? 0);
      // Q4_1 keeps codes as they are; the others less their zero point, around the middle of their field.
      const added = type === 'Q4_1' ? 0 : middles[type] - (zeros[parameter] ?? 0);
      if (minimums !== null) put16(out, at + 2, minimums[parameter] ?? 0);
      if (type === 'Q8_0') for (let i = 0; i < 32; i++) out[at + 2 + i] = (codes[begin + i] ?? 0) + added;
      else nibbles(codes, begin, added, out, at + bytes - 16);
      if (type === 'Q5_0')
        for (let i = 0; i < 32; i++) out[at + 2 + (i >> 3)] = (out[at + 2 + (i >> 3)] ?? 0) | ((((codes[begin + i] ?? 0) + added) >> 4) << (i & 7));
    }
  };
}

/** The low four bits of 32 codes: code i with code i + 16 in a byte. */
function nibbles(codes: Int16Array, begin: number, added: number, out: Uint8Array, to: number): void {
  for (let i = 0; i < 16; i++) out[to + i] = (((codes[begin + i] ?? 0) + added) & 15) | ((((codes[begin + i + 16] ?? 0) + added) & 15) << 4);
}

function kRow(matrix: StoredMatrix, zeros: Float32Array): RowEncoder {
  const { cols } = matrix;
  const found = superBlocks(matrix, zeros);
  if (found === null) throw new RangeError('the scales of a super-block have no common unit');
  const [d, dmin] = [halves(found.d), halves(found.dmin)];
  const supers = cols / 256;
  return (codes, row, out, to) => {
    for (let index = 0, at = to; index < supers; index++, at += 144) {
      const own = row * supers + index;
      put16(out, at, d[own] ?? 0);
      put16(out, at + 2, dmin[own] ?? 0);
      for (let part = 0; part < 8; part++) sixBits(out, at + 4, part, found.factors[own * 8 + part] ?? 0, found.minimums[own * 8 + part] ?? 0);
      for (let pair = 0; pair < 4; pair++)
        for (let i = 0; i < 32; i++) {
          const code = index * 256 + pair * 64 + i;
          out[at + 16 + pair * 32 + i] = (codes[code] ?? 0) | ((codes[code + 32] ?? 0) << 4);
        }
    }
  };
}

/** Twelve bytes of eight 6-bit factors and minimums: the first four whole, the others in two parts (ggml-quants.c :: get_scale_min_k4). */
function sixBits(out: Uint8Array, at: number, part: number, factor: number, minimum: number): void {
  const add = (byte: number, bits: number): void => {
    out[at + byte] = (out[at + byte] ?? 0) | bits;
  };
  if (part < 4) {
    add(part, factor);
    add(part + 4, minimum);
    return;
  }
  add(part + 4, (factor & 15) | ((minimum & 15) << 4));
  add(part - 4, (factor >> 4) << 6);
  add(part, (minimum >> 4) << 6);
}

function halves(values: Float32Array): Uint16Array {
  return new Uint16Array(encodeFloats(values, 'f16').buffer);
}

function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value & 255;
  out[at + 1] = value >> 8;
}
