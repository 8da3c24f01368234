// Weights that are one of 16 values times a scale: w = values[code] * scale (NF4, FP4; kernels/linear/table4).
//
//   codes  U8 [out, in / 2]          two codes a byte, the first in the high nibble
//   scale  F16|BF16|F32 [out, groups]
//
// The values themselves are in config.json, so that whoever reads the file needs no table of names.
import type { Table4WeightSpec } from '@quantwright/native/binding';
import type { WeightDtype } from '@quantwright/schemas/recipe/recipe';
import type { JsonObject } from '../../checkpoint/json-file.ts';
import { groupCount } from '../../checkpoint/layouts.ts';
import { expectTensor, type LinearPlace } from '../../checkpoint/quantized/stored.ts';
import { spell } from '../../checkpoint/spell.ts';
import { EngineError } from '../../errors.ts';
import { storedType } from '../../pipeline/layouts/codes.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import type { Kind } from '../kind.ts';
import { type Table4Name, tableValues } from './values.ts';

export const table4Suffix = { codes: 'codes', scale: 'scale' } as const;

/** Columns that the kernel takes at once. */
const step = 8;

export function isTable4(dtype: WeightDtype): dtype is Table4Name {
  return dtype === 'nf4' || dtype === 'fp4';
}

export const table4Kind: Kind = {
  id: 'table4',

  refusal({ cols, activations, scheme: { weights } }) {
    if (activations) return `${weights.dtype} weights leave activations as they are; compute_method activate_quant is not for them`;
    const shared = commonColumns(cols, weights.groupSize);
    return shared % step === 0
      ? null
      : `groups of ${weights.groupSize} in rows of ${cols} change every ${shared} columns; a multiple of ${step} can be computed on`;
  },

  tensors({ rows, cols, scheme }) {
    return [
      { suffix: table4Suffix.codes, dtype: 'U8', shape: [rows, cols / 2] },
      { suffix: table4Suffix.scale, dtype: storedType[scheme.scaleType], shape: [rows, groupCount(cols, scheme.weights.groupSize)] },
    ];
  },

  settings: (plan) => ({ type: plan.scheme.weights.dtype, values: [...valuesOf(plan)] }),

  async read(mapped, place, settings) {
    const { rows, cols } = place;
    const { values, groupSize } = storedTable(settings, place);
    const groups = groupCount(cols, groupSize);
    const codes = expectTensor(mapped, `${place.module}.${table4Suffix.codes}`, ['U8'], [rows, cols / 2]);
    const scale = expectTensor(mapped, `${place.module}.${table4Suffix.scale}`, ['F16', 'BF16', 'F32'], [rows, groups]);
    return table4Weight(rows, cols, groupSize, mapped.bytes(codes.name), await mapped.floats(scale.name), values);
  },

  codec: () => 'table4',
};

/** For the kernels, whose blocks run over the ends of rows: where a row ends inside a group, its scales are repeated for shorter blocks. */
export function table4Weight(
  rows: number,
  cols: number,
  groupSize: number,
  codes: Table4WeightSpec['codes'],
  scale: Float32Array,
  table: Float32Array,
): Table4WeightSpec {
  const size = groupSize === -1 ? cols : groupSize;
  const block = commonColumns(cols, size);
  if (block === size) return { codec: 'table4', rows, cols, block, codes, absmax: scale, table };
  const [groups, blocks] = [groupCount(cols, size), cols / block];
  const absmax = Float32Array.from(
    { length: rows * blocks },
    (_, at) => scale[Math.floor(at / blocks) * groups + Math.floor(((at % blocks) * block) / size)] ?? 0,
  );
  return { codec: 'table4', rows, cols, block, codes, absmax, table };
}

/** The longest run of columns that lies in one group in every row. */
function commonColumns(cols: number, groupSize: number): number {
  let [a, b] = [cols, groupSize === -1 ? cols : groupSize];
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

function valuesOf({ scheme: { weights, recipe } }: ModulePlan): Float32Array {
  return tableValues(weights.dtype === 'fp4' ? 'fp4' : 'nf4', recipe?.tableDialect ?? 'inc');
}

function storedTable(settings: JsonObject, { module, cols }: LinearPlace): { readonly values: Float32Array; readonly groupSize: number } {
  const no = (key: string, wanted: string): never => {
    throw new EngineError('checkpoint', `${module}: ${key} of its table4 weights is ${spell(settings[key])}; ${wanted}`, { tensor: module });
  };
  const { values, group_size: groupSize } = settings;
  if (!Array.isArray(values) || values.length !== 16 || !values.every((value) => typeof value === 'number' && Number.isFinite(value)))
    return no('values', '16 numbers are needed');
  if (typeof groupSize !== 'number' || !Number.isInteger(groupSize) || groupSize < -1 || groupSize === 0)
    return no('group_size', '-1 or a positive number is needed');
  if (commonColumns(cols, groupSize) % step !== 0) return no('group_size', `a multiple of ${step} must divide it and the ${cols} inputs`);
  return { values: Float32Array.from(values as number[]), groupSize };
}
