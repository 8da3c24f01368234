// Codes, zeros and scales as the file formats want them: signed or unsigned, transposed, in 16 or 32 bits. Pure.
// Methods already round scales and float zeros to their stored type, so that nothing is lost here.
// Plain loops: a matrix has millions of codes, and `TypedArray.from` with a function takes a hundred times as long and as much memory.
import type { AffineMatrix, ScaleType } from '../../methods/method.ts';

/** Codes as unsigned: signed ones are moved up by 2^(bits-1). */
export function unsignedCodes(matrix: AffineMatrix): Uint8Array {
  if (matrix.codes instanceof Uint8Array) return matrix.codes;
  const shift = 2 ** (matrix.bits - 1);
  return addToBytes(matrix.codes, shift);
}

/** Codes as signed: unsigned ones are moved down by 2^(bits-1). */
export function signedCodes(matrix: AffineMatrix): Int8Array {
  if (matrix.codes instanceof Int8Array) return matrix.codes;
  const shift = 2 ** (matrix.bits - 1);
  return new Int8Array(addToBytes(matrix.codes, 256 - shift).buffer);
}

/** Integer zeros of the unsigned codes, [rows, groups]. The caller chose a dialect whose zeros are integers in range. */
export function unsignedZeros(matrix: AffineMatrix): Uint8Array {
  const shift = matrix.codes instanceof Int8Array ? 2 ** (matrix.bits - 1) : 0;
  const out = new Uint8Array(matrix.zero.length);
  for (let index = 0; index < out.length; index++) out[index] = (matrix.zero[index] ?? 0) + shift;
  return out;
}

/** Every byte plus `by` modulo 256, in a copy. Four at a time: the carry out of the low seven bits of a byte is kept from the next one. */
function addToBytes(codes: Int8Array | Uint8Array, by: number): Uint8Array {
  const out = new Uint8Array(codes.buffer.slice(codes.byteOffset, codes.byteOffset + codes.length));
  const words = new Uint32Array(out.buffer, 0, out.length >>> 2);
  const every = Math.imul(by, 0x01010101);
  const low = every & 0x7f7f7f7f;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? 0;
    words[index] = ((word & 0x7f7f7f7f) + low) ^ ((word ^ every) & 0x80808080);
  }
  for (let index = 4 * words.length; index < out.length; index++) out[index] = (out[index] ?? 0) + by;
  return out;
}

/** [rows, cols] -> [cols, rows]. */
export function transpose<T extends Float32Array | Uint8Array>(values: T, rows: number, cols: number): T {
  const out = values.slice() as T;
  if (cols === 1) return out;
  for (let row = 0; row < rows; row++) for (let col = 0; col < cols; col++) out[col * rows + row] = values[row * cols + col] ?? 0;
  return out;
}

/** Little-endian bytes of values in `type`, rounded half-even where they are not exact in it. */
export function encodeFloats(values: Float32Array, type: ScaleType): Uint8Array {
  if (type === 'f32') return new Uint8Array(values.slice().buffer);
  const bits = values.byteOffset % 4 === 0 ? new Uint32Array(values.buffer, values.byteOffset, values.length) : new Uint32Array(values.slice().buffer);
  const out = new Uint16Array(bits.length);
  if (type === 'bf16') for (let index = 0; index < out.length; index++) out[index] = bfloatBits(bits[index] ?? 0);
  else for (let index = 0; index < out.length; index++) out[index] = halfBits(bits[index] ?? 0);
  return new Uint8Array(out.buffer);
}

function bfloatBits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // a NaN must not round to infinity
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // From 2^-14 on: the exponent moves from bias 127 to 15, 13 bits of the mantissa go. A carry at the top gives infinity.
  if (magnitude >= 0x38800000 && magnitude < 0x47800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const mantissa = bits & 0x7fffff;
  if (exponent === 128) return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  if (exponent > 15) return sign | 0x7c00;
  // Below 2^-14 the implicit bit becomes explicit and the field moves right; below 2^-25 nothing is left.
  if (exponent < -25) return sign;
  const field = mantissa | 0x800000;
  const shift = -exponent - 1;
  const kept = Math.floor(field / 2 ** shift);
  const rest = field - kept * 2 ** shift;
  const half = 2 ** (shift - 1);
  // A carry out of the mantissa raises the exponent, as it should.
  return sign | (kept + (rest > half || (rest === half && kept % 2 === 1) ? 1 : 0));
}

export function encodeInt64(values: readonly number[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
}

export function encodeInt32(values: Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function bytesOf(values: Int8Array | Uint8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export const storedType = { f16: 'F16', bf16: 'BF16', f32: 'F32' } as const;
