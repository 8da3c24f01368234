// A quantized matrix as the kernels take it whose activations are integers too: what a reader of the finished model makes of its file, without the file.
import type { AffineWeightSpec, WeightSpec } from '@quantwright/native/binding';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { activationSpec } from '../checkpoint/activations.ts';
import { integerCodec } from '../checkpoint/layouts.ts';
import { affineWeight } from './affine.ts';
import type { AffineMatrix, QuantizedMatrix } from './method.ts';

/** `activations` null: they stay in floating point. Static ones need the scale that the matrix brings. */
export function quantizedWeight(matrix: QuantizedMatrix, activations: ActivationRecipe | null): WeightSpec {
  if (matrix.kind !== 'affine') return matrix.spec;
  return activations === null ? affineWeight(matrix) : integerWeight(matrix, activations);
}

function integerWeight(matrix: AffineMatrix, activations: ActivationRecipe): AffineWeightSpec {
  return { ...affineWeight(matrix), codec: integerCodec(matrix.bits), activations: activationSpec(activations, matrix.inputScale ?? null) };
}
