// An affine matrix as the kernels take it.
import type { AffineWeightSpec } from '@quantwright/native/binding';
import type { AffineMatrix } from './method.ts';

const codecs = { 2: 'q2', 3: 'q3', 4: 'q4', 8: 'q8' } as const;

/** Weight-only: w = (code - zero) * scale exactly. */
export function affineWeight({ rows, cols, bits, groupSize, codes, scale, zero, scaleType, gIdx }: AffineMatrix): AffineWeightSpec {
  const spec = { codec: codecs[bits], rows, cols, groupSize, codes, scale, zero, scaleType } as const;
  return gIdx === undefined ? spec : { ...spec, gIdx };
}
