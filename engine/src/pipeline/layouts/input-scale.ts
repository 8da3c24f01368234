// The scale of a linear's input where all tokens share it (static activations): two tensors, named as compressed-tensors names them.
import { suffix } from '../../checkpoint/layouts.ts';
import type { StoredTensor } from '../../kinds/kind.ts';
import type { AffineMatrix } from '../../methods/method.ts';
import { bytesOf, encodeFloats, encodeInt32 } from './codes.ts';
import type { ModulePlan } from './layout.ts';

/** `ours`: the zero point of unsigned codes, always. `signed`: of signed codes, and none where it is 0 (compressed-tensors quantization/quant_args.py). */
export type ZeroPointForm = 'ours' | 'signed';

export function inputTensors({ activations }: ModulePlan, form: ZeroPointForm): readonly StoredTensor[] {
  if (activations === null || activations.dynamic) return [];
  const scale: StoredTensor = { suffix: suffix.inputScale, dtype: 'F32', shape: [1] };
  if (form === 'signed' && activations.symmetric) return [scale];
  return [scale, { suffix: suffix.inputZeroPoint, dtype: form === 'signed' ? 'I8' : 'I32', shape: [1] }];
}

/** Bytes of `inputTensors`. */
export function inputBytes(plan: ModulePlan, { inputScale }: AffineMatrix, form: ZeroPointForm): readonly Uint8Array[] {
  const { activations } = plan;
  if (activations === null || inputTensors(plan, form).length === 0) return [];
  if (inputScale === undefined) throw new Error(`${plan.module}: a method for static activations gives the scale of its input`);
  const scale = encodeFloats(Float32Array.of(inputScale.scale), 'f32');
  if (form === 'ours') return [scale, encodeInt32(Int32Array.of(inputScale.zero))];
  return activations.symmetric ? [scale] : [scale, bytesOf(Int8Array.of(inputScale.zero - 2 ** (activations.bits - 1)))];
}
