// Save format `quantwright`: our own, the only one that keeps everything a method can produce (fractional zeros, any row length, any group size).
import { activationProblem, activationSettings } from '../../checkpoint/activations.ts';
import {
  type CodedModule,
  integerCodec,
  packedWords,
  type QuantwrightConfig,
  type QuantwrightModule,
  quantwrightVersion,
  suffix,
  weightOnlyCodec,
} from '../../checkpoint/layouts.ts';
import type { Kind } from '../../kinds/kind.ts';
import { kindOf } from '../../kinds/registry.ts';
import { codeBits } from '../../methods/rounding.ts';
import { bytesOf, encodeFloats, encodeInt32, encodeInt64, storedType, transpose, unsignedCodes } from './codes.ts';
import { inputBytes, inputTensors } from './input-scale.ts';
import { commonPlan, type Layout, type ModulePlan } from './layout.ts';

export const quantwrightLayout: Layout = {
  format: 'quantwright',

  scheme: (recipe, method, weights) => ({
    weights,
    dialect: recipe.dialect ?? method.defaultDialect,
    mseSearch: recipe.mseSearch,
    fullRange: recipe.fullRange,
    // One scale a row costs little, and integer kernels multiply by it in f32 anyway.
    scaleType: recipe.activations === null || weights.groupSize !== -1 ? recipe.scaleType : 'f32',
  }),

  refusal: (plan) => {
    const kind = codedKind(plan);
    if (kind !== null) return kind.refusal(plan);
    return plan.activations === null ? null : activationProblem(plan.activations);
  },

  tensors(plan) {
    const { rows, cols, scheme } = plan;
    const kind = codedKind(plan);
    if (kind !== null) return kind.tensors(plan);
    const bits = codeBits(scheme.weights.bits);
    if (inBytes(plan)) {
      return [
        { suffix: suffix.weight, dtype: isSigned(plan) ? 'I8' : 'U8', shape: [rows, cols] },
        { suffix: suffix.weightScale, dtype: 'F32', shape: [rows, 1] },
        { suffix: suffix.weightZeroPoint, dtype: 'F32', shape: [rows, 1] },
        ...inputTensors(plan, 'ours'),
      ];
    }
    const groups = Math.ceil(cols / groupSizeOf(plan));
    const type = storedType[scheme.scaleType];
    return [
      { suffix: suffix.qweight, dtype: 'I32', shape: [packedWords(cols, bits), rows] },
      { suffix: suffix.scales, dtype: type, shape: [groups, rows] },
      { suffix: suffix.zeros, dtype: type, shape: [groups, rows] },
      { suffix: suffix.weightShape, dtype: 'I64', shape: [2] },
      ...(scheme.weights.descAct ? [{ suffix: suffix.gIdx, dtype: 'I32' as const, shape: [cols] }] : []),
      ...inputTensors(plan, 'ours'),
    ];
  },

  async pack(binding, plan, matrix) {
    if (inBytes(plan)) return [bytesOf(matrix.codes), encodeFloats(matrix.scale, 'f32'), encodeFloats(matrix.zero, 'f32'), ...inputBytes(plan, matrix, 'ours')];
    const { rows, cols, groups, bits, scaleType } = matrix;
    return [
      await binding.packGptq(unsignedCodes(matrix), rows, cols, bits),
      encodeFloats(transpose(matrix.scale, rows, groups), scaleType),
      encodeFloats(transpose(matrix.zero, rows, groups), scaleType),
      encodeInt64([rows, cols]),
      ...(matrix.gIdx === undefined ? [] : [encodeInt32(matrix.gIdx)]),
      ...inputBytes(plan, matrix, 'ours'),
    ];
  },

  parts(plan) {
    if (codedKind(plan) !== null || plan.scheme.weights.descAct || plan.activations?.dynamic === false) return null;
    if (inBytes(plan)) return [{ kind: 'code_bytes', signed: isSigned(plan) }, { kind: 'scales_by_row' }, { kind: 'zeros_by_row' }];
    return [{ kind: 'code_words_by_column' }, { kind: 'scales_by_group' }, { kind: 'zeros_by_group' }, encodeInt64([plan.rows, plan.cols])];
  },

  config(recipe, plans) {
    const common = commonPlan(plans, (plan) => JSON.stringify(moduleConfig(plan)));
    const defaults = common === undefined ? undefined : moduleConfig(common);
    const different = plans.filter((plan) => JSON.stringify(moduleConfig(plan)) !== JSON.stringify(defaults));
    const config: QuantwrightConfig = {
      quant_method: 'quantwright',
      version: quantwrightVersion,
      methods: recipe.methods,
      ...(defaults ?? {
        bits: codeBits(recipe.weights.bits),
        group_size: recipe.weights.groupSize,
        signed: recipe.weights.signed,
        compute_method: recipe.computeMethod,
      }),
      ...(different.length === 0 ? {} : { modules: Object.fromEntries(different.map((plan) => [plan.module, moduleConfig(plan)])) }),
    };
    return { ...config };
  },

  codec(plan) {
    if (plan.activations?.rule === 'llm_int8') return 'llm_int8';
    return codedKind(plan)?.codec(plan) ?? (plan.activations === null ? weightOnlyCodec : integerCodec)(codeBits(plan.scheme.weights.bits));
  },
};

/** 8-bit codes with one scale a row lie in bytes where they are multiplied as such. */
function inBytes({ activations, scheme: { weights } }: ModulePlan): boolean {
  return activations !== null && weights.bits === 8 && weights.groupSize === -1;
}

/** Null: affine. */
function codedKind(plan: ModulePlan): Kind | null {
  const { kind = 'affine' } = plan.scheme;
  return kind === 'affine' ? null : kindOf(kind, plan.module);
}

function groupSizeOf(plan: ModulePlan): number {
  const size = plan.scheme.weights.groupSize;
  return size === -1 ? plan.cols : Math.min(size, plan.cols);
}

/** Whether the codes come out signed: each dialect has its own rule, except DashInfer's two, which follow the config. */
function isSigned(plan: ModulePlan): boolean {
  const { dialect, weights } = plan.scheme;
  if (dialect === 'instant_quant' || dialect === 'dashinfer_cpu') return weights.signed;
  if (dialect === 'compressed_tensors') return true;
  return dialect !== 'ist' && weights.symmetric;
}

function moduleConfig(plan: ModulePlan): QuantwrightModule | CodedModule {
  const { weights } = plan.scheme;
  const kind = codedKind(plan);
  const activations = plan.activations === null ? undefined : activationSettings(plan.activations);
  if (kind !== null) return { kind: kind.id, bits: weights.bits, group_size: weights.groupSize, ...kind.settings(plan) };
  return {
    bits: codeBits(weights.bits),
    group_size: weights.groupSize,
    signed: isSigned(plan),
    compute_method: plan.activations === null ? 'weight_only' : 'activate_quant',
    ...(activations === undefined ? {} : { activations }),
  };
}
