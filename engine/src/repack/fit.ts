// Whether a save format holds a stored matrix as it is, and how: with the same codes, or in wider fields, or with a group's scale written more than once.
// Weights stay the same to the last bit; where they would not, the reason is told.
import type { SaveFormat } from '@quantwright/schemas/recipe/recipe';
import { activationRecipe } from '../checkpoint/activations.ts';
import type { AffineMatrix } from '../methods/method.ts';
import type { ModulePlan } from '../pipeline/layouts/layout.ts';
import { layouts } from '../pipeline/layouts/registry.ts';
import type { QuantizedModule } from './model-source.ts';
import type { StoredMatrix } from './stored-matrix.ts';

/** What is known of a module from its parameters. */
export type Parameters = Omit<StoredMatrix, 'codes' | 'scale' | 'zero'> & {
  /** Of the zero points as unsigned codes have them. */
  readonly zeros: 'fractional' | 'outside' | 'integer' | 'middle';
  /** The first scale that is not exact in f16: [row, group, scale]; null: all are. */
  readonly beyondHalf: readonly [number, number, number] | null;
  /** The config's group size where one group is a whole row shorter than it. */
  readonly nominal: number;
};

export function parametersOf({ codes: _, scale, zero, ...matrix }: StoredMatrix): Parameters {
  const { groups, cols } = matrix;
  const beyond = scale.findIndex((value) => !exactHalf(value));
  return {
    ...matrix,
    zeros: zerosOf(zero, matrix.bits, matrix.signed),
    beyondHalf: beyond === -1 ? null : [Math.floor(beyond / groups), beyond % groups, scale[beyond] ?? 0],
    nominal: groups === 1 ? -1 : matrix.groupSize,
    ...(matrix.gIdx === undefined || groups === 1 ? {} : { gIdx: matrix.gIdx }),
    groupSize: Math.min(matrix.groupSize, cols),
  };
}

function zerosOf(zero: Float32Array, bits: number, signed: boolean): Parameters['zeros'] {
  const middle = 2 ** (bits - 1);
  const shift = signed ? middle : 0;
  if (zero.some((value) => !Number.isInteger(value))) return 'fractional';
  if (zero.some((value) => value + shift < 0 || value + shift >= 2 * middle)) return 'outside';
  return zero.every((value) => value + shift === middle) ? 'middle' : 'integer';
}

/** Whether rounding to f16 changes nothing. */
export function exactHalf(value: number): boolean {
  if (value === 0) return true;
  const size = Math.abs(value);
  if (!(size <= 65_504)) return false;
  let quantum = 2 ** -24;
  while (size >= quantum * 2048) quantum *= 2;
  return Number.isInteger(size / quantum);
}

export type Fit = { readonly plan: ModulePlan } | { readonly why: string };

export type Repacked = Exclude<SaveFormat, 'gguf' | 'bitsandbytes' | 'safetensors'>;

/** `common`: group size that all modules of the model are written with, for formats that have one; null: each keeps its own. */
export function fit(format: Repacked, { module, block, rows, cols, lmHead }: QuantizedModule, own: Parameters, common: number | null): Fit {
  const bits = widthIn(format, own.bits);
  if (bits === null) return { why: `${own.bits}-bit codes do not fit into its 4-bit ones` };
  if (own.zeros === 'fractional' && bits !== own.bits) return { why: `codes of ${own.bits} bits with fractional zero points cannot be written` };
  // No other layout says which columns stay in floating point: there they all do.
  const keeps = format === 'quantwright' || (format === 'compressed-tensors' && own.zeros === 'middle' && own.activations?.kind !== 'outliers');
  const activations = own.activations !== null && keeps ? activationRecipe(own.activations).activations : null;
  if (format !== 'quantwright') {
    if (own.zeros === 'fractional') return { why: 'its zero points are fractions, and the layout holds whole ones' };
    if (own.zeros === 'outside') return { why: `zero points lie outside the ${2 ** own.bits} codes` };
  }
  if (isHalf(format) && own.beyondHalf !== null) {
    const [row, group, scale] = own.beyondHalf;
    return { why: `the scale ${scale} of row ${row}, group ${group} is not exact in the float16 of the layout` };
  }
  const groupSize = common ?? own.nominal;
  if (own.gIdx !== undefined && format === 'awq') return { why: 'its groups follow activation order (g_idx), which the layout cannot say' };
  const plan: ModulePlan = {
    module,
    block,
    rows,
    cols,
    activations,
    lmHead,
    scheme: {
      weights: {
        dtype: 'int',
        bits,
        signed: own.signed,
        symmetric: own.zeros === 'middle',
        groupSize,
        zeroPoint: own.zeros === 'fractional' ? 'float' : own.zeros === 'middle' ? 'none' : 'integer',
        descAct: own.gIdx !== undefined,
        staticGroups: false,
      },
      // The dialect whose codes are as signed as these, for the config of the layout.
      dialect: format === 'quantwright' ? 'instant_quant' : 'ist',
      mseSearch: false,
      fullRange: false,
      scaleType: isHalf(format) ? 'f16' : own.scaleType,
    },
  };
  const refusal = layouts[format].refusal(plan);
  return refusal === null ? { plan } : { why: refusal };
}

function isHalf(format: Repacked): boolean {
  return format === 'gptq' || format === 'gptq_v2' || format === 'awq';
}

/** The narrowest field of the layout that holds codes of `bits`; null: none does. */
function widthIn(format: Repacked, bits: number): 2 | 3 | 4 | 8 | null {
  if (format === 'awq') return bits <= 4 ? 4 : null;
  if (bits === 2 || bits === 4) return bits;
  if (bits === 3) return format === 'compressed-tensors' ? 4 : 3;
  return 8;
}

/** The size of groups that all modules can be written with: the largest that divides every one of them; null: groups end in the midst of others'. */
export function commonGroup(all: readonly Parameters[]): number | null {
  const sizes = all.map((one) => (one.groups === 1 ? one.cols : one.groupSize));
  if (all.every(({ groups }) => groups === 1)) return -1;
  const common = sizes.reduce(greatestDivisor);
  return all.every(({ cols }) => cols % common === 0) ? common : null;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/**
 * Rows of a single group have no group size of their own: theirs becomes the one that most weights have, where `format` then still reads one group.
 * Configs say so of models whose group size is longer than some rows.
 */
export function withUsualGroup(all: readonly Parameters[], format: Repacked): readonly Parameters[] {
  const weights = new Map<number, number>();
  for (const { groups, groupSize, rows, cols } of all) if (groups > 1) weights.set(groupSize, (weights.get(groupSize) ?? 0) + rows * cols);
  const [usual] = [...weights].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (usual === undefined) return all;
  return all.map((one) =>
    one.groups === 1 && (one.cols === usual || (one.cols < usual && format !== 'compressed-tensors')) ? { ...one, nominal: usual } : one,
  );
}

/** The codes and parameters of a stored matrix in the fields and groups of a plan. */
export async function matrixFor(plan: ModulePlan, stored: StoredMatrix): Promise<AffineMatrix> {
  const { rows, cols } = stored;
  const { weights, scaleType } = plan.scheme;
  const bits = weights.bits;
  if (bits !== 2 && bits !== 3 && bits !== 4 && bits !== 8) throw new RangeError(`no layout has fields of ${bits} bits`);
  const codes = await stored.codes();
  // Unsigned codes move up with their zero points, so that symmetric ones stay symmetric around the middle of the wider field.
  const shift = stored.signed ? 0 : 2 ** (bits - 1) - 2 ** (stored.bits - 1);
  const groupSize = weights.groupSize === -1 ? cols : Math.min(weights.groupSize, cols);
  const groups = Math.ceil(cols / groupSize);
  const spread = (values: Float32Array, by: number): Float32Array => {
    if (groups === stored.groups && by === 0) return values;
    const out = new Float32Array(rows * groups);
    for (let row = 0; row < rows; row++)
      for (let group = 0; group < groups; group++) {
        const from = groups === stored.groups ? group : Math.floor((group * groupSize) / stored.groupSize);
        out[row * groups + group] = (values[row * stored.groups + from] ?? 0) + by;
      }
    return out;
  };
  return {
    kind: 'affine',
    rows,
    cols,
    bits,
    groupSize,
    groups,
    codes: shift === 0 ? codes : raised(codes, shift),
    scale: spread(stored.scale, 0),
    zero: spread(stored.zero, shift),
    symmetric: weights.symmetric,
    scaleType,
    ...(stored.gIdx === undefined ? {} : { gIdx: stored.gIdx }),
    ...inputScaleOf(stored),
    sqnrDb: Number.POSITIVE_INFINITY,
    mse: 0,
    notFinite: null,
  };
}

function inputScaleOf({ activations }: StoredMatrix): Pick<AffineMatrix, 'inputScale'> {
  const { inputScale } = activations === null ? {} : activationRecipe(activations);
  return inputScale === undefined ? {} : { inputScale };
}

function raised(codes: Int8Array | Uint8Array, by: number): Uint8Array {
  const out = new Uint8Array(codes.length);
  for (let at = 0; at < out.length; at++) out[at] = (codes[at] ?? 0) + by;
  return out;
}
