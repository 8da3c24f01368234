// A weight as calibration computes with it: its values in f32, as the reference has them. Kernels of packed weights may round activations, and one code that
// flips changes many behind it. Whole or in bands of rows, the bits are the same.
import type { NativeBinding, Weight } from '@quantwright/native/binding';

/** Dense weights are never made whole: they lie in their file. */
export async function inFull(binding: NativeBinding, weight: Weight, how: 'whole' | 'bands'): Promise<Weight> {
  return binding.fullWeight(weight, how === 'whole' && weight.codec !== 'dense');
}
