// The scale of a linear's input where all tokens share it (static activations): two tensors, named as compressed-tensors names them.
import { suffix } from '../../checkpoint/layouts.ts';
import type { StoredTensor } from '../../kinds/kind.ts';
import type { AffineMatrix } from '../../methods/method.ts';
import { encodeFloats, encodeInt32 } from './codes.ts';
import type { ModulePlan } from './layout.ts';

export function inputTensors({ activations }: ModulePlan): readonly StoredTensor[] {
  if (activations === null || activations.dynamic) return [];
  return [
    { suffix: suffix.inputScale, dtype: 'F32', shape: [1] },
    { suffix: suffix.inputZeroPoint, dtype: 'I32', shape: [1] },
  ];
}

/** Bytes of `inputTensors`. */
export function inputBytes(plan: ModulePlan, { inputScale }: AffineMatrix): readonly Uint8Array[] {
  if (inputTensors(plan).length === 0) return [];
  if (inputScale === undefined) throw new Error(`${plan.module}: a method for static activations gives the scale of its input`);
  return [encodeFloats(Float32Array.of(inputScale.scale), 'f32'), encodeInt32(Int32Array.of(inputScale.zero))];
}
