// Rounds a matrix in equal parts of its flat weights: the same bytes, looked at as a matrix with a part in every row. Scales and zeros are then repeated for every
// group of columns that lies in the part, which is how affine weights are stored and multiplied.
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import type { AffineMatrix, FlatGroups, ModuleScheme } from '../method.ts';
import { codeBits, rowOptions } from '../rounding.ts';

/** `scheme.weights.groupSize` (-1: the columns) divides the columns and every part. */
export async function roundFlat(binding: NativeBinding, source: DenseSource, scheme: ModuleScheme, { parts, bits }: FlatGroups): Promise<AffineMatrix> {
  const { rows, cols } = source;
  const length = (rows * cols) / parts;
  const { groupSize, symmetric, scaleType, ...options } = rowOptions(scheme, cols);
  const result = await binding.quantizeRtn(asRows(source, parts), { ...options, symmetric, scaleType, bits, groupSize: length });
  return {
    ...result,
    kind: 'affine',
    rows,
    cols,
    bits: codeBits(scheme.weights.bits),
    groupSize,
    groups: cols / groupSize,
    symmetric,
    scaleType,
    scale: spread(result.scale, length, rows, cols, groupSize),
    zero: spread(result.zero, length, rows, cols, groupSize),
    notFinite: placeOf(result.notFinite, length, cols),
  };
}

/** The weights of a contiguous matrix as `parts` rows. */
export function asRows(source: DenseSource, parts: number): DenseSource {
  return { ...source, rows: parts, cols: (source.rows * source.cols) / parts };
}

/** [parts] -> [rows, cols / groupSize]: of every group of columns, the value of the part of `length` weights that it lies in. */
export function spread(values: Float32Array, length: number, rows: number, cols: number, groupSize: number): Float32Array {
  const out = new Float32Array((rows * cols) / groupSize);
  for (let group = 0; group < out.length; group++) out[group] = values[Math.floor((group * groupSize) / length)] ?? Number.NaN;
  return out;
}

/** [part, weight] -> [row, column]. */
export function placeOf(place: readonly [number, number] | null, length: number, cols: number): readonly [number, number] | null {
  if (place === null) return null;
  const at = place[0] * length + place[1];
  return [Math.floor(at / cols), at % cols];
}
