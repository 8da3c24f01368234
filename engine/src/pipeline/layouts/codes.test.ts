import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AffineMatrix } from '../../methods/method.ts';
import { encodeFloats, signedCodes, transpose, unsignedCodes, unsignedZeros } from './codes.ts';

/** The value of f16 bits, from the definition of the format. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const u16 = (bytes: Uint8Array): Uint16Array => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);

test('every f16 value keeps its bits', () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, index) => index).filter((value) => !Number.isNaN(halfValue(value)));
  assert.deepEqual(u16(encodeFloats(Float32Array.from(bits, halfValue), 'f16')), bits);
});

test('f16 rounds to the nearer neighbour, half to even', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7bfe }), fc.float({ min: 0, max: 1, noNaN: true }), (below, part) => {
      const low = halfValue(below);
      const high = halfValue(below + 1);
      const value = Math.fround(low + (high - low) * part);
      const middle = (low + high) / 2;
      const expected = value < middle || (value === middle && below % 2 === 0) ? below : below + 1;
      assert.equal(u16(encodeFloats(Float32Array.of(value), 'f16'))[0], expected, `${value} between ${low} and ${high}`);
    }),
    { numRuns: 2000 },
  );
});

test('what is too large for f16 becomes infinity, and NaN stays NaN', () => {
  assert.deepEqual([...u16(encodeFloats(Float32Array.of(65519.9, 65520, -1e30, Number.POSITIVE_INFINITY), 'f16'))], [0x7bff, 0x7c00, 0xfc00, 0x7c00]);
  assert.ok(Number.isNaN(halfValue(u16(encodeFloats(Float32Array.of(Number.NaN), 'f16'))[0] ?? 0)));
});

test('bf16 keeps the upper half and rounds half to even', () => {
  const values = new Float32Array(Uint32Array.of(0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff, 0xff800000).buffer);
  assert.deepEqual([...u16(encodeFloats(values, 'bf16'))], [0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0xff80]);
});

test('transposing twice gives the matrix back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (rows, cols) => {
      const values = Uint8Array.from({ length: rows * cols }, (_, index) => index);
      assert.deepEqual(transpose(transpose(values, rows, cols), cols, rows), values);
    }),
  );
});

test('signed and unsigned codes differ by half the range, zeros with them', () => {
  const matrix: AffineMatrix = {
    kind: 'affine',
    rows: 1,
    cols: 3,
    bits: 4,
    groupSize: 3,
    groups: 1,
    codes: Int8Array.of(-8, 0, 7),
    scale: Float32Array.of(1),
    zero: Float32Array.of(-2),
    symmetric: false,
    scaleType: 'f16',
    sqnrDb: 0,
    mse: 0,
    notFinite: null,
  };
  assert.deepEqual([...unsignedCodes(matrix)], [0, 8, 15]);
  assert.deepEqual([...unsignedZeros(matrix)], [6]);
  assert.deepEqual([...signedCodes({ ...matrix, codes: Uint8Array.of(0, 8, 15) })], [-8, 0, 7]);
});

test('every code of every width moves by 2^(bits-1) and back, at every length', () => {
  for (const bits of [2, 3, 4, 8] as const) {
    const half = 2 ** (bits - 1);
    for (const extra of [0, 1, 2, 3]) {
      const codes = Int8Array.from({ length: 2 * half * 3 + extra }, (_, index) => ((index * 7) % (2 * half)) - half);
      const matrix: AffineMatrix = {
        kind: 'affine',
        ...{ rows: 1, cols: codes.length, groupSize: codes.length, groups: 1, scale: Float32Array.of(1), zero: Float32Array.of(0) },
        ...{ bits, codes, symmetric: true, scaleType: 'f32', sqnrDb: 0, mse: 0, notFinite: null },
      };
      const unsigned = unsignedCodes(matrix);
      assert.deepEqual(
        unsigned,
        Uint8Array.from(codes, (code) => code + half),
      );
      assert.deepEqual(signedCodes({ ...matrix, codes: unsigned }), codes);
    }
  }
});
