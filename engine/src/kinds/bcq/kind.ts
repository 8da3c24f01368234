// Kind `bcq`: sign planes with an alpha per row, group and plane, as LUT-GEMM's kernel has them. w = q_bias + sum over planes of alpha * (+1 or -1).
//
//   qweight       I32 [ceil(in / 32), bits, out]       bit k % 32 of word k / 32: the sign of input k, 1 = +alpha
//   alpha         F16|BF16|F32 [groups, bits, out]
//   q_bias        F32 [groups, out]                    only of converted affine codes
//   weight_shape  I64 [2] = [out, in]
//   g_idx         I32 [in]                             only in activation order
// Source of the layout: naver-aics/lut-gemm (bW, alpha, q_bias).
import type { BcqWeightSpec } from '@quantwright/native/binding';
import { groupCount, suffix } from '../../checkpoint/layouts.ts';
import { expectTensor, fail, readGroupIndex, scaleTypeOf } from '../../checkpoint/quantized/stored.ts';
import { EngineError } from '../../errors.ts';
import { storedType } from '../../pipeline/layouts/codes.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import type { Kind, StoredTensor } from '../kind.ts';

export type PlaneBits = BcqWeightSpec['bits'];

export interface BcqForm {
  readonly rows: number;
  readonly cols: number;
  readonly bits: PlaneBits;
  /** -1: one group a row. */
  readonly groupSize: number;
  readonly scaleType: 'f16' | 'bf16' | 'f32';
  /** Converted from affine codes: there is a q_bias. */
  readonly converted: boolean;
  readonly ordered: boolean;
}

export const alphaSuffix = 'alpha';
export const biasSuffix = 'q_bias';

export const bcqKind: Kind = {
  id: 'bcq',
  refusal: ({ scheme: { weights }, activations }) => {
    if (activations) return 'binary-coded weights are multiplied with float activations; use "compute_method": "weight_only"';
    return planeBits(weights.bits) === null ? `binary-coded weights have 1 to 4 bits, not ${weights.bits}` : null;
  },
  tensors: (plan) => bcqTensors(formOf(plan)),
  settings: (plan) => ({ q_bias: isConverted(plan) }),

  async read(mapped, { module, rows, cols }, settings) {
    const file = mapped.checkpoint.path;
    const bits = planeBits(settings['bits']);
    const groupSize = settings['group_size'];
    if (bits === null || typeof groupSize !== 'number' || !Number.isSafeInteger(groupSize) || groupSize < -1 || groupSize === 0)
      throw new EngineError('checkpoint', `${file}: ${module}: binary-coded weights need bits 1 to 4 and a group_size of -1 or more than 0`, { file });
    const name = (tensor: string): string => `${module}.${tensor}`;
    const shape = expectTensor(mapped, name(suffix.weightShape), ['I64'], [2]);
    const [storedRows, storedCols] = Array.from(new BigInt64Array(mapped.read(shape.name).buffer), Number);
    if (storedRows !== rows || storedCols !== cols) fail(shape, `says [${storedRows}, ${storedCols}]; the model's config needs [${rows}, ${cols}]`);
    const groups = groupCount(cols, groupSize);
    const planes = expectTensor(mapped, name(suffix.qweight), ['I32', 'U32'], [Math.ceil(cols / 32), bits, rows]);
    const alpha = expectTensor(mapped, name(alphaSuffix), ['F16', 'BF16', 'F32'], [groups, bits, rows]);
    const gIdx = readGroupIndex(mapped, name(suffix.gIdx), cols, groups, groupSize);
    const spec: BcqWeightSpec = {
      codec: 'bcq',
      rows,
      cols,
      bits,
      groupSize: groups === 1 ? -1 : groupSize,
      planes: mapped.bytes(planes.name),
      alpha: { type: scaleTypeOf(alpha), data: mapped.bytes(alpha.name) },
      ...(gIdx === undefined ? {} : { gIdx }),
    };
    if (settings['q_bias'] !== true) return spec;
    const bias = expectTensor(mapped, name(biasSuffix), ['F16', 'BF16', 'F32'], [groups, rows]);
    return { ...spec, qBias: { type: scaleTypeOf(bias), data: mapped.bytes(bias.name) } };
  },

  codec: () => 'bcq',
};

/** The tensors of a matrix, in file order. */
export function bcqTensors({ rows, cols, bits, groupSize, scaleType, converted, ordered }: BcqForm): readonly StoredTensor[] {
  const groups = groupCount(cols, groupSize);
  return [
    { suffix: suffix.qweight, dtype: 'I32', shape: [Math.ceil(cols / 32), bits, rows] },
    { suffix: alphaSuffix, dtype: storedType[scaleType], shape: [groups, bits, rows] },
    ...(converted ? [{ suffix: biasSuffix, dtype: 'F32' as const, shape: [groups, rows] }] : []),
    { suffix: suffix.weightShape, dtype: 'I64', shape: [2] },
    ...(ordered ? [{ suffix: suffix.gIdx, dtype: 'I32' as const, shape: [cols] }] : []),
  ];
}

/** Null: no width of this kind. */
export function planeBits(bits: unknown): PlaneBits | null {
  return bits === 1 || bits === 2 || bits === 3 || bits === 4 ? bits : null;
}

function formOf(plan: ModulePlan): BcqForm {
  const { rows, cols, scheme } = plan;
  const bits = planeBits(scheme.weights.bits);
  if (bits === null) throw new Error(`bcq planned with ${scheme.weights.bits} bits`);
  const groupSize = scheme.weights.groupSize === -1 ? -1 : Math.min(scheme.weights.groupSize, cols);
  return { rows, cols, bits, groupSize, scaleType: scheme.scaleType, converted: isConverted(plan), ordered: scheme.weights.descAct };
}

/** Another method rounds, and its codes become planes. */
function isConverted({ scheme }: ModulePlan): boolean {
  const methods = scheme.recipe?.methods ?? [];
  return methods.some((method) => method === 'rtn' || method === 'gptq' || method === 'instant_quant');
}
