// Round to the nearest of 16 values (weight_format nf4, fp4). Formulas and sources: kernels/solve/table4.
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import { isTable4, table4Kind, table4Weight } from '../../kinds/table4/kind.ts';
import { encodeFloats } from '../../pipeline/layouts/codes.ts';
import type { CodedMatrix, Method, ModuleScheme } from '../method.ts';
import { rtn } from './method.ts';

/** rtn as recipes have it: on the grid of a dialect, or to the values of a table. */
export const rtnOfTables: Method = {
  ...rtn,
  kind: ({ dtype }) => (isTable4(dtype) ? 'table4' : 'affine'),
  rowOptions: (scheme, cols) => (scheme.kind === 'table4' ? undefined : rtn.rowOptions?.(scheme, cols)),
  quantizeModule: (binding, source, scheme) => (scheme.kind === 'table4' ? roundToTable(binding, source, scheme) : rtn.quantizeModule(binding, source, scheme)),
};

async function roundToTable(binding: NativeBinding, source: DenseSource, scheme: ModuleScheme): Promise<CodedMatrix> {
  const { rows, cols } = source;
  const groupSize = scheme.weights.groupSize === -1 ? -1 : Math.min(scheme.weights.groupSize, cols);
  const { codes, scale, values, sqnrDb, mse, notFinite } = await binding.quantizeTable4(source, {
    type: scheme.weights.dtype === 'fp4' ? 'fp4' : 'nf4',
    dialect: scheme.recipe?.tableDialect ?? 'inc',
    groupSize,
    mse: scheme.mseSearch,
    scaleType: scheme.scaleType,
  });
  const bytes = [codes, encodeFloats(scale, scheme.scaleType)];
  const tensors = table4Kind.tensors({ module: '', block: 0, rows, cols, scheme, activations: null });
  return {
    kind: 'table4',
    rows,
    cols,
    tensors: tensors.map((tensor, index) => ({ ...tensor, data: bytes[index] ?? new Uint8Array() })),
    spec: table4Weight(rows, cols, groupSize, codes, scale, values),
    sqnrDb,
    mse,
    notFinite,
  };
}
