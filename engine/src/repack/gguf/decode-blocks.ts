// Rows of GGUF blocks -> codes with scales and whole zero points: the inverse of blocks.ts, for the types that hold such (ggml repository,
// src/ggml-common.h :: block_q*). Blocks side by side with equal parameters become one group again.
import type { PackedBits } from '@quantwright/native/binding';
import { type GgufType, ggufTypes } from '../../checkpoint/gguf/types.ts';
import type { StoredMatrix } from '../stored-matrix.ts';
import type { BlockType } from './block-type.ts';

const bitsOf: Readonly<Record<BlockType, PackedBits>> = { Q4_0: 4, Q4_1: 4, Q5_0: 5, Q8_0: 8, Q4_K: 4 };

export const decodedTypes: readonly string[] = Object.keys(bitsOf);

export function isDecoded(type: GgufType): type is BlockType {
  return Object.hasOwn(bitsOf, type);
}

/** `data`: all rows, in the order of the matrix. Null: a minimum is no whole multiple of its scale, so that there is no zero point. */
export function decodeBlocks(type: BlockType, data: Uint8Array, rows: number, cols: number): StoredMatrix | null {
  const { weights, bytes } = ggufTypes[type];
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const groups = cols / 32;
  const scale = new Float32Array(rows * groups);
  const zero = new Float32Array(rows * groups);
  for (let at = 0; at < scale.length; at++) {
    const block = Math.floor((at * 32) / weights) * bytes;
    const [step, minimum] = type === 'Q4_K' ? levels(view, block, at % 8) : [half(view, block), type === 'Q4_1' ? half(view, block + 2) : 0];
    const point = type === 'Q4_1' || type === 'Q4_K' ? zeroOf(step, minimum, type) : middles[type];
    if (point === null) return null;
    scale[at] = step;
    zero[at] = point;
  }
  const merged = merge(scale, zero, rows, groups);
  return {
    rows,
    cols,
    bits: bitsOf[type],
    ...merged,
    signed: false,
    scaleType: scale.every((value) => exactIn16(value)) ? 'f16' : 'f32',
    activations: null,
    codes: async () => codesOf(type, data, rows * cols),
  };
}

const middles = { Q4_0: 8, Q5_0: 16, Q8_0: 128 } as const;

/** The whole number of steps in a minimum; that of Q4_1 was rounded to f16. */
function zeroOf(step: number, minimum: number, type: 'Q4_1' | 'Q4_K'): number | null {
  if (minimum === 0) return 0;
  const point = Math.round(-minimum / step);
  if (!(point >= 0 && point <= 15)) return null;
  const exact = -point * step;
  return exact === minimum || (type === 'Q4_1' && roundedHalf(exact) === minimum) ? point : null;
}

function levels(view: DataView, block: number, part: number): readonly [number, number] {
  const byte = (at: number): number => view.getUint8(block + 4 + at);
  const factor = part < 4 ? byte(part) & 63 : (byte(part + 4) & 15) | ((byte(part - 4) >> 6) << 4);
  const minimum = part < 4 ? byte(part + 4) & 63 : (byte(part + 4) >> 4) | ((byte(part) >> 6) << 4);
  return [half(view, block) * factor, -half(view, block + 2) * minimum];
}

function codesOf(type: BlockType, data: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(count);
  const { weights, bytes } = ggufTypes[type];
  for (let block = 0, at = 0; at < count; block += bytes, at += weights) {
    if (type === 'Q8_0') for (let i = 0; i < 32; i++) out[at + i] = (data[block + 2 + i] ?? 0) ^ 128;
    else if (type === 'Q4_K') {
      for (let pair = 0; pair < 4; pair++) nibbles(data, block + 16 + 32 * pair, out, at + 64 * pair, 32);
    } else nibbles(data, block + bytes - 16, out, at, 16);
    if (type === 'Q5_0') for (let i = 0; i < 32; i++) out[at + i] = (out[at + i] ?? 0) | ((((data[block + 2 + (i >> 3)] ?? 0) >> (i & 7)) & 1) << 4);
  }
  return out;
}

/** `count` bytes: their low fields, then their high ones. */
function nibbles(data: Uint8Array, from: number, out: Uint8Array, to: number, count: number): void {
  for (let i = 0; i < count; i++) {
    out[to + i] = (data[from + i] ?? 0) & 15;
    out[to + count + i] = (data[from + i] ?? 0) >> 4;
  }
}

/** The longest groups of 32, 64, 128 ... columns, or the whole row, within which every row has one scale and zero point. */
function merge(scale: Float32Array, zero: Float32Array, rows: number, groups: number): Pick<StoredMatrix, 'groupSize' | 'groups' | 'scale' | 'zero'> {
  const constant = (size: number): boolean =>
    scale.every((value, at) => {
      const first = at - ((at % groups) % size);
      return value === scale[first] && zero[at] === zero[first];
    });
  let size = constant(groups) ? groups : 1;
  while (size < groups && groups % (2 * size) === 0 && constant(2 * size)) size *= 2;
  const kept = groups / size;
  const pick = (values: Float32Array): Float32Array => Float32Array.from({ length: rows * kept }, (_, at) => values[at * size] ?? 0);
  return { groupSize: 32 * size, groups: kept, scale: pick(scale), zero: pick(zero) };
}

function half(view: DataView, at: number): number {
  const bits = view.getUint16(at, true);
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

function exactIn16(value: number): boolean {
  return roundedHalf(value) === value;
}

/** Nearest f16, ties to even, of a finite number in its range. */
function roundedHalf(value: number): number {
  let quantum = 2 ** -24;
  while (Math.abs(value) >= quantum * 2048) quantum *= 2;
  const steps = value / quantum;
  const low = Math.floor(steps);
  const rest = steps - low;
  return (rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low) * quantum;
}
