// ZeroQuant: round to nearest as DeepSpeed does it, with a scale for equal parts of the flattened matrix; 2 bits are ternary, 1 bit is signs.
// Formulas and sources: README.md in this folder and kernels/solve/rtn.
import { flatParts } from '@quantwright/schemas/recipe/flat-groups';
import type { WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import type { Method, ModuleScheme } from '../method.ts';
import { codeBits, roundMatrix, rowOptions } from '../rounding.ts';
import { signPlanes } from './binary.ts';
import { roundFlat } from './flat.ts';

export const zeroquant: Method = {
  id: 'zeroquant',
  needs: { observe: [] },
  defaultDialect: 'zeroquant',
  kind: ({ bits }, { activations }) => (bits === 1 && activations === null ? 'bcq' : 'affine'),

  fit(scheme, { rows, cols, activations }) {
    const groups = groupsOf(scheme, rows, cols);
    if (typeof groups === 'string') return groups;
    const { groupSize, parts } = groups;
    const grouped = { ...scheme, weights: { ...scheme.weights, groupSize } };
    const { bits } = grouped.weights;
    if (bits > 1) return parts === null ? grouped : { ...grouped, flat: { parts, bits: codeBits(bits) } };
    if (activations === null) return { ...grouped, kind: 'bcq', ...(parts === null ? {} : { flat: { parts, bits: 1 } }) };
    // Integer products take no single bits: -1 and 1 are stored as codes of two.
    const columns = groupSize === -1 ? cols : Math.min(groupSize, cols);
    if (cols % columns !== 0) return `signs beside integer activations need groups of one length, and ${columns} does not divide ${cols} columns`;
    return { ...grouped, kind: 'affine', weights: { ...grouped.weights, bits: 2 }, flat: { parts: parts ?? (rows * cols) / columns, bits: 1 } };
  },

  rowOptions: (scheme, cols) => (scheme.flat === undefined && scheme.kind !== 'bcq' ? rowOptions(scheme, cols) : undefined),

  quantizeModule(binding, source, scheme) {
    if (scheme.kind === 'bcq') return signPlanes(binding, source, scheme);
    return scheme.flat === undefined ? roundMatrix(binding, source, scheme) : roundFlat(binding, source, scheme, scheme.flat);
  },
};

interface Groups {
  /** Of columns; -1: one a row. */
  readonly groupSize: number;
  /** Null: the groups of columns are the parts that share a scale. */
  readonly parts: number | null;
}

function groupsOf({ weights, recipe }: ModuleScheme, rows: number, cols: number): Groups | string {
  const refusal = refusalOf(weights);
  if (refusal !== null) return refusal;
  const asked = recipe?.zeroquant?.quantizeGroups ?? null;
  if (asked === null) return { groupSize: weights.groupSize, parts: null };
  if (weights.groupSize !== -1) return 'quantize_groups and group_size both say which weights share a scale; leave one of them out';
  const cut = flatParts(asked, rows, cols);
  if (typeof cut === 'string') return cut;
  return { groupSize: cut.groupSize === cols ? -1 : cut.groupSize, parts: cut.length === cut.groupSize ? null : asked };
}

/** DeepSpeed has symmetric quantizers only of 1 and 2 bits: deepspeed/compression/basic_layer.py :: LinearLayer_Compress.enable_weight_quantization. */
function refusalOf({ bits, symmetric }: WeightRecipe): string | null {
  if (bits > 2 || symmetric) return null;
  return `zeroquant rounds ${bits}-bit weights around 0 only (${bits === 1 ? 'signs' : 'ternary'}); use "symmetric": true`;
}
