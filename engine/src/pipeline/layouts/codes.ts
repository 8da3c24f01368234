// Codes, zeros and scales as the file formats want them: signed or unsigned, transposed, in 16 or 32 bits. Pure conversions that lose nothing:
// scales and float zeros are already exact in their stored type.
import type { QuantizedMatrix, ScaleType } from '../../methods/method.ts';

/** Codes as unsigned: signed ones are moved up by 2^(bits-1). */
export function unsignedCodes(matrix: QuantizedMatrix): Uint8Array {
  if (matrix.codes instanceof Uint8Array) return matrix.codes;
  const shift = 2 ** (matrix.bits - 1);
  return Uint8Array.from(matrix.codes, (code) => code + shift);
}

/** Codes as signed: unsigned ones are moved down by 2^(bits-1). */
export function signedCodes(matrix: QuantizedMatrix): Int8Array {
  if (matrix.codes instanceof Int8Array) return matrix.codes;
  const shift = 2 ** (matrix.bits - 1);
  return Int8Array.from(matrix.codes, (code) => code - shift);
}

/** Integer zeros of the unsigned codes, [rows, groups]. The caller chose a dialect whose zeros are integers in range. */
export function unsignedZeros(matrix: QuantizedMatrix): Uint8Array {
  const shift = matrix.codes instanceof Int8Array ? 2 ** (matrix.bits - 1) : 0;
  return Uint8Array.from(matrix.zero, (zero) => zero + shift);
}

/** [rows, cols] -> [cols, rows]. */
export function transpose<T extends Float32Array | Uint8Array>(values: T, rows: number, cols: number): T {
  const out = values.slice() as T;
  if (cols === 1) return out;
  for (let row = 0; row < rows; row++) for (let col = 0; col < cols; col++) out[col * rows + row] = values[row * cols + col] ?? 0;
  return out;
}

/** Little-endian bytes of values that are exact in `type`. */
export function encodeFloats(values: Float32Array, type: ScaleType): Uint8Array {
  if (type === 'f32') return new Uint8Array(values.slice().buffer);
  const bits = new Uint32Array(values.slice().buffer);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = type === 'bf16' ? (bits[i] ?? 0) >>> 16 : halfBits(bits[i] ?? 0);
  return new Uint8Array(out.buffer);
}

/** f16 bits of an f32 that is exact in f16 (NaN stays NaN). */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const mantissa = bits & 0x7fffff;
  if (exponent === 128) return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  if (exponent >= -14) return sign | ((exponent + 15) << 10) | (mantissa >>> 13);
  // Subnormal: the implicit bit becomes explicit and the field moves right. Below 2^-24 nothing is left.
  if (exponent < -24) return sign;
  return sign | ((mantissa | 0x800000) >>> (-exponent - 1));
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
