// Test support: the weights that GGUF blocks stand for, one weight at a time, from the formats' own description (ggml, src/ggml-common.h :: block_*).
// The index of a weight says which bits are its code; nothing here walks a block in order, as the native unpacker does.
import type { GgufBlockType } from '@quantwright/native/binding';

interface Block {
  readonly weights: number;
  readonly bytes: number;
  /** Where the f16 of the block lie. */
  readonly halves: readonly number[];
  weight(block: DataView, index: number): number;
}

const half = (block: DataView, at: number): number => {
  const bits = block.getUint16(at, true);
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
};
const bits = (block: DataView, at: number, shift: number, count: number): number => (block.getUint8(at) >> shift) & (2 ** count - 1);
const nibble = (block: DataView, at: number, index: number): number => bits(block, at + (index % 16), index < 16 ? 0 : 4, 4);
const fifth = (block: DataView, at: number, index: number): number => bits(block, at + Math.floor(index / 8), index % 8, 1) * 16;
/** Six-bit scales of Q4_K and Q5_K: the first four whole, the others in two parts. */
const sixBits = (block: DataView, at: number, index: number, minimum: boolean): number => {
  if (index < 4) return bits(block, at + index + (minimum ? 4 : 0), 0, 6);
  return bits(block, at + index + 4, minimum ? 4 : 0, 4) + 16 * bits(block, at + index - (minimum ? 0 : 4), 6, 2);
};
const f = Math.fround;
const levels = (block: DataView, group: number, code: number): number =>
  f(f(f(half(block, 0) * sixBits(block, 4, group, false)) * code) - f(half(block, 2) * sixBits(block, 4, group, true)));

export const blocks: Readonly<Record<GgufBlockType, Block>> = {
  Q4_0: { weights: 32, bytes: 18, halves: [0], weight: (block, index) => f(half(block, 0) * (nibble(block, 2, index) - 8)) },
  Q4_1: { weights: 32, bytes: 20, halves: [0, 2], weight: (block, index) => f(f(half(block, 0) * nibble(block, 4, index)) + half(block, 2)) },
  Q5_0: { weights: 32, bytes: 22, halves: [0], weight: (block, index) => f(half(block, 0) * (nibble(block, 6, index) + fifth(block, 2, index) - 16)) },
  Q5_1: {
    weights: 32,
    bytes: 24,
    halves: [0, 2],
    weight: (block, index) => f(f(half(block, 0) * (nibble(block, 8, index) + fifth(block, 4, index))) + half(block, 2)),
  },
  Q8_0: { weights: 32, bytes: 34, halves: [0], weight: (block, index) => f(half(block, 0) * block.getInt8(2 + index)) },
  Q2_K: {
    weights: 256,
    bytes: 84,
    halves: [80, 82],
    weight: (block, index) => {
      const group = Math.floor(index / 16);
      const code = bits(block, 16 + 32 * Math.floor(index / 128) + (index % 32), 2 * (Math.floor(index / 32) % 4), 2);
      return f(f(f(half(block, 80) * bits(block, group, 0, 4)) * code) - f(half(block, 82) * bits(block, group, 4, 4)));
    },
  },
  Q3_K: {
    weights: 256,
    bytes: 110,
    halves: [108],
    weight: (block, index) => {
      const group = Math.floor(index / 16);
      const scale = bits(block, 96 + (group % 8), group < 8 ? 0 : 4, 4) + 16 * bits(block, 104 + (group % 4), 2 * Math.floor(group / 4), 2) - 32;
      const low = bits(block, 32 + 32 * Math.floor(index / 128) + (index % 32), 2 * (Math.floor(index / 32) % 4), 2);
      return f(f(half(block, 108) * scale) * (low + 4 * bits(block, index % 32, Math.floor(index / 32), 1) - 4));
    },
  },
  Q4_K: {
    weights: 256,
    bytes: 144,
    halves: [0, 2],
    weight: (block, index) => levels(block, Math.floor(index / 32), bits(block, 16 + 32 * Math.floor(index / 64) + (index % 32), index % 64 < 32 ? 0 : 4, 4)),
  },
  Q5_K: {
    weights: 256,
    bytes: 176,
    halves: [0, 2],
    weight: (block, index) => {
      const group = Math.floor(index / 32);
      return levels(
        block,
        group,
        bits(block, 48 + 32 * Math.floor(index / 64) + (index % 32), index % 64 < 32 ? 0 : 4, 4) + 16 * bits(block, 16 + (index % 32), group, 1),
      );
    },
  },
  Q6_K: {
    weights: 256,
    bytes: 210,
    halves: [208],
    weight: (block, index) => {
      const part = Math.floor(index / 128);
      const low = bits(block, 64 * part + (index % 64), index % 128 < 64 ? 0 : 4, 4);
      const high = bits(block, 128 + 32 * part + (index % 32), 2 * (Math.floor(index / 32) % 4), 2);
      return f(f(half(block, 208) * block.getInt8(192 + Math.floor(index / 16))) * (low + 16 * high - 32));
    },
  },
};

export const blockTypes = Object.keys(blocks) as readonly GgufBlockType[];

export function dequantize(type: GgufBlockType, data: Uint8Array): Float32Array {
  const { weights, bytes, weight } = blocks[type];
  const view = (index: number): DataView => new DataView(data.buffer, data.byteOffset + index * bytes, bytes);
  return Float32Array.from({ length: (data.length / bytes) * weights }, (_, index) => weight(view(Math.floor(index / weights)), index % weights));
}

/** Random codes and scales; `spread`: of the f16. `next`: uniform in [0, 1). */
export function randomBlocks(type: GgufBlockType, count: number, spread: number, next: () => number): Uint8Array {
  const { bytes, halves } = blocks[type];
  const data = Uint8Array.from({ length: count * bytes }, () => Math.floor(next() * 256));
  const view = new DataView(data.buffer);
  for (let block = 0; block < count; block += 1) {
    // Exponents of normal f16 numbers around the spread: sign, exponent, fraction.
    for (const at of halves)
      view.setUint16(block * bytes + at, (next() < 0.5 ? 0x8000 : 0) | ((Math.floor(Math.log2(spread)) + 15) << 10) | Math.floor(next() * 1024), true);
  }
  return data;
}
