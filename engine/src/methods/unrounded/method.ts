// What rounds when nothing is to be rounded: the matrices as transforms left them, in the type and the order in which the checkpoint has them
// (save_format safetensors). Only the scales that were moved are new; a model in 16 bits rounds its weights to those again.
import type { DenseSource, DenseType } from '@quantwright/native/binding';
import type { Dtype } from '../../checkpoint/dtype.ts';
import { transpose } from '../../checkpoint/transposed.ts';
import type { StoredTensor } from '../../kinds/kind.ts';
import { encodeFloats, storedType } from '../../pipeline/layouts/codes.ts';
import type { CodedMatrix, Method, ModuleScheme } from '../method.ts';
import { roundToType } from '../round-to-type.ts';

export const unrounded: Method<CodedMatrix> = {
  id: 'smoothquant',
  needs: { observe: [] },
  defaultDialect: 'ist',
  kind: () => 'float',
  async quantizeModule(binding, source, scheme) {
    const { rows, cols } = source;
    const { type, transposed } = storedForm(scheme);
    const values = await binding.widen(source);
    const stored = transposed ? transpose(values, rows, cols) : values;
    return {
      kind: 'float',
      rows,
      cols,
      tensors: floatTensors(scheme, rows, cols).map((tensor) => ({ ...tensor, data: encodeFloats(stored, type) })),
      spec: { codec: 'dense', ...dense(values, rows, cols) },
      ...errorsOf(values, cols, type),
    };
  },
};

/** The one tensor of a module. */
export function floatTensors(scheme: ModuleScheme, rows: number, cols: number): readonly StoredTensor[] {
  const { type, transposed } = storedForm(scheme);
  const dtype: Dtype = storedType[type];
  return [{ suffix: 'weight', dtype, shape: transposed ? [cols, rows] : [rows, cols] }];
}

function storedForm({ stored }: ModuleScheme): NonNullable<ModuleScheme['stored']> {
  if (stored === undefined) throw new Error('the form of the stored matrix was not planned');
  return stored;
}

function dense(values: Float32Array, rows: number, cols: number): DenseSource {
  return { type: 'f32', rows, cols, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** Of the values in 16 bits; none in 32. */
function errorsOf(values: Float32Array, cols: number, type: DenseType): Pick<CodedMatrix, 'sqnrDb' | 'mse' | 'notFinite'> {
  let [signal, noise] = [0, 0];
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    const kept = type === 'f32' ? value : roundToType(value, type);
    // A value beyond f16 becomes infinity there.
    if (!Number.isFinite(kept)) return { sqnrDb: 0, mse: 0, notFinite: [Math.floor(index / cols), index % cols] };
    signal += value * value;
    noise += (value - kept) ** 2;
  }
  return { sqnrDb: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise), mse: noise / values.length, notFinite: null };
}
