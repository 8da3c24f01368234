// A packed weight as calibration computes with it: its values in f32, as the reference has them. Kernels of packed weights may round activations, and one code
// that flips changes many behind it.
import type { NativeBinding, Weight } from '@quantwright/native/binding';

export async function inFull(binding: NativeBinding, weight: Weight): Promise<Weight> {
  if (weight.codec === 'dense') return weight;
  const { rows, cols } = weight;
  const values = await weight.dequantize();
  return binding.createWeight({ codec: 'dense', type: 'f32', rows, cols, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) });
}
