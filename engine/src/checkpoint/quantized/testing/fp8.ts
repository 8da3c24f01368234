// 8-bit floats by their definition (arXiv 2209.05433, table 1), in f64: values of bytes and the nearest byte of a value.
import type { Dtype } from '../../dtype.ts';

export type Fp8 = 'F8_E4M3' | 'F8_E5M2';

/** (-1)^s 2^(e - bias) (1 + m / 2^mantissa bits); subnormal where e is 0. E4M3 has no infinity and one NaN a sign. */
export function fp8Value(type: Dtype & Fp8, byte: number): number {
  const [mantissaBits, bias] = type === 'F8_E4M3' ? [3, 7] : [2, 15];
  const sign = byte >= 128 ? -1 : 1;
  const exponent = (byte % 128) >> mantissaBits;
  const mantissa = byte % 2 ** mantissaBits;
  if (type === 'F8_E4M3' && byte % 128 === 127) return Number.NaN;
  if (type === 'F8_E5M2' && exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  const fraction = mantissa / 2 ** mantissaBits;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

const finite = new Map(
  (['F8_E4M3', 'F8_E5M2'] as const).map((type) => [
    type,
    Array.from({ length: 256 }, (_, byte) => [byte, fp8Value(type, byte)] as const).filter(([, value]) => Number.isFinite(value)),
  ]),
);

/** By looking at all of them. */
export function nearestFp8(type: Fp8, value: number): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const [byte, candidate] of finite.get(type) ?? []) {
    const distance = Math.abs(candidate - value);
    if (distance < least) [best, least] = [byte, distance];
  }
  return best;
}
