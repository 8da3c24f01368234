// An affine matrix as the kernels take it.
import type { AffineWeightSpec } from '@quantwright/native/binding';
import { weightOnlyCodec } from '../checkpoint/layouts.ts';
import type { AffineMatrix } from './method.ts';

/** Weight-only: w = (code - zero) * scale exactly. */
export function affineWeight({ rows, cols, bits, groupSize, codes, scale, zero, scaleType, gIdx }: AffineMatrix): AffineWeightSpec {
  const spec = { codec: weightOnlyCodec(bits), rows, cols, groupSize, codes, scale, zero, scaleType } as const;
  return gIdx === undefined ? spec : { ...spec, gIdx };
}
