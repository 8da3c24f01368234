// One number rounded half-even to a stored floating-point type, as a number again.
import type { DenseType } from '@quantwright/native/binding';

const parts = { f32: [24, -149, 128], bf16: [8, -133, 128], f16: [11, -24, 16] } as const;

/** Infinity beyond the largest value of the type. */
export function roundToType(value: number, type: DenseType): number {
  if (type === 'f32' || value === 0 || !Number.isFinite(value)) return Math.fround(value);
  const [digits, lowest, top] = parts[type];
  // f32 first, as every value here is held in it; half of a step of bf16 and f16 is exact in it.
  const magnitude = Math.abs(Math.fround(value));
  const exponent = Math.floor(Math.log2(magnitude));
  const step = 2 ** Math.max(exponent - digits + 1, lowest);
  const scaled = magnitude / step;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = (rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor) * step;
  return Math.sign(value) * (rounded >= 2 ** top ? Number.POSITIVE_INFINITY : rounded);
}
