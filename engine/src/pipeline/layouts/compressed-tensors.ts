// Save format `compressed-tensors`: `int-quantized` for 8-bit activations (one I8 code a weight), `pack-quantized` for weight-only.
// Source: algorithms section 18.3; vllm-project/compressed-tensors compressors/pack_quantized, quantization/quant_args.py.
import type { PackedBits } from '@quantwright/native/binding';
import type { ActivationRecipe, ActivationRule } from '@quantwright/schemas/recipe/recipe';
import { activationProblem } from '../../checkpoint/activations.ts';
import { integerCodec, packedWords, suffix, weightOnlyCodec } from '../../checkpoint/layouts.ts';
import { codeBits } from '../../methods/rounding.ts';
import { bytesOf, encodeFloats, encodeInt32, encodeInt64, signedCodes, storedType, unsignedCodes, unsignedZeros } from './codes.ts';
import { inputBytes, inputTensors } from './input-scale.ts';
import type { Layout, ModulePlan } from './layout.ts';

const outputMatrix = 'lm_head';

export const compressedTensorsLayout: Layout = {
  format: 'compressed-tensors',

  scheme(recipe, method, weights) {
    const asked = recipe.dialect ?? method.defaultDialect;
    const activations = recipe.activations !== null;
    const dialect = asked === 'instant_quant' ? 'compressed_tensors' : asked;
    // Runtimes that read int-quantized checkpoints multiply signed 8-bit weights without a zero point.
    const symmetric = asked === 'instant_quant' ? activations : weights.symmetric;
    return { weights: { ...weights, symmetric }, dialect, mseSearch: recipe.mseSearch, fullRange: recipe.fullRange, scaleType: recipe.scaleType };
  },

  refusal(plan) {
    const { bits, groupSize } = plan.scheme.weights;
    if (plan.activations !== null) {
      const problem = activationProblem(plan.activations);
      if (problem !== null) return problem;
      if (!compressedRules.includes(plan.activations.rule ?? 'dashinfer'))
        return `the layout cannot say how ${plan.activations.rule} rounds activations; use save_format "quantwright"`;
      if (plan.scheme.weights.descAct && groupSize !== -1)
        return 'int-quantized weights have no order of columns; use "desc_act": false or save_format "quantwright"';
    }
    if (plan.activations === null && 32 % bits !== 0)
      return `${bits}-bit codes have two incompatible packings in compressed-tensors; use 2, 4 or 8 bits, or save_format "quantwright"`;
    if (groupSize !== -1 && plan.cols % groupSize !== 0) {
      return `compressed-tensors needs groups of equal length, and group_size ${groupSize} does not divide ${plan.cols} columns; use save_format "quantwright" or another group_size`;
    }
    return null;
  },

  tensors(plan) {
    const { rows, cols, scheme } = plan;
    const bits = codeBits(scheme.weights.bits);
    const groups = scheme.weights.groupSize === -1 ? 1 : cols / scheme.weights.groupSize;
    const scale = { suffix: suffix.weightScale, dtype: storedType[scheme.scaleType], shape: [rows, groups] };
    if (plan.activations) {
      return [
        { suffix: suffix.weight, dtype: 'I8', shape: [rows, cols] },
        scale,
        ...(scheme.weights.symmetric ? [] : [{ suffix: suffix.weightZeroPoint, dtype: 'I8' as const, shape: [rows, groups] }]),
        ...inputTensors(plan, 'signed'),
      ];
    }
    return [
      { suffix: suffix.weightPacked, dtype: 'I32', shape: [rows, packedWords(cols, bits)] },
      scale,
      { suffix: suffix.weightShape, dtype: 'I64', shape: [2] },
      ...(scheme.weights.symmetric ? [] : [{ suffix: suffix.weightZeroPoint, dtype: 'I32' as const, shape: [packedWords(rows, bits), groups] }]),
      ...(activationOrder(plan) ? [{ suffix: suffix.weightGIdx, dtype: 'I32' as const, shape: [cols] }] : []),
    ];
  },

  async pack(binding, plan, matrix) {
    const { rows, cols, groups, bits, scaleType } = matrix;
    const scale = encodeFloats(matrix.scale, scaleType);
    const zeros = plan.scheme.weights.symmetric ? null : unsignedZeros(matrix);
    if (plan.activations) {
      const half = 2 ** (bits - 1);
      return [
        bytesOf(signedCodes(matrix)),
        scale,
        ...(zeros === null ? [] : [bytesOf(Int8Array.from(zeros, (zero) => zero - half))]),
        ...inputBytes(plan, matrix, 'signed'),
      ];
    }
    return [
      await binding.packRows(unsignedCodes(matrix), rows, cols, bits),
      scale,
      encodeInt64([rows, cols]),
      ...(zeros === null ? [] : [await packedAlongRows(binding, zeros, rows, groups, bits)]),
      ...(activationOrder(plan) ? [encodeInt32(matrix.gIdx ?? Int32Array.from({ length: cols }, (_, column) => Math.floor(column / matrix.groupSize)))] : []),
    ];
  },

  parts(plan) {
    const { weights } = plan.scheme;
    if (activationOrder(plan) || plan.activations?.dynamic === false) return null;
    if (plan.activations)
      return [{ kind: 'code_bytes', signed: true }, { kind: 'scales_by_row' }, ...(weights.symmetric ? [] : [{ kind: 'zero_bytes' as const }])];
    return [
      { kind: 'code_words_by_row' },
      { kind: 'scales_by_row' },
      encodeInt64([plan.rows, plan.cols]),
      ...(weights.symmetric ? [] : [{ kind: 'zero_words_by_row' as const, minusOne: false }]),
    ];
  },

  config(_recipe, plans, left) {
    const groups = new Map<string, ModulePlan[]>();
    for (const plan of plans) {
      const { bits, groupSize, symmetric } = plan.scheme.weights;
      const key = `${bits}/${groupSize}/${symmetric}/${JSON.stringify(plan.activations)}/${activationOrder(plan)}`;
      groups.set(key, [...(groups.get(key) ?? []), plan]);
    }
    const mixed = new Set(plans.map(formatOf)).size > 1;
    const single = groups.size === 1;
    return {
      quant_method: 'compressed-tensors',
      // Then every group names its own (quantization/quant_scheme.py :: QuantizationScheme.format).
      format: plans[0] === undefined || mixed ? 'mixed-precision' : formatOf(plans[0]),
      quantization_status: 'compressed',
      global_compression_ratio: null,
      kv_cache_scheme: null,
      // The targets name every linear, so the output matrix has to be taken out by name.
      ignore: plans.some((plan) => plan.lmHead === true) || left.includes(outputMatrix) ? left : [...left, outputMatrix],
      config_groups: Object.fromEntries([...groups.values()].map((members, index) => [`group_${index}`, groupConfig(members, single, mixed)])),
    };
  },

  codec: (plan) => (plan.activations === null ? weightOnlyCodec : integerCodec)(codeBits(plan.scheme.weights.bits)),
};

/** Columns lie in their own order; which group each is in, weight_g_idx says. */
function activationOrder({ activations, scheme: { weights } }: ModulePlan): boolean {
  return activations === null && weights.descAct && !weights.staticGroups && weights.groupSize !== -1;
}

/** Zeros [rows, groups] -> words [ceil(rows*bits/32), groups]: packed along the rows, which is what packGptq does with its columns. */
async function packedAlongRows(binding: Parameters<Layout['pack']>[0], zeros: Uint8Array, rows: number, groups: number, bits: PackedBits): Promise<Uint8Array> {
  const byGroup = new Uint8Array(zeros.length);
  for (let row = 0; row < rows; row++) for (let group = 0; group < groups; group++) byGroup[group * rows + row] = zeros[row * groups + group] ?? 0;
  return binding.packGptq(byGroup, groups, rows, bits);
}

/** Roundings of activations that differ in the last bit only, which runtimes of this layout do not tell apart. */
const compressedRules: readonly ActivationRule[] = ['dashinfer', 'smoothquant', 'affine'];

function inputActivations({ bits, symmetric, dynamic }: ActivationRecipe): Readonly<Record<string, unknown>> {
  return { num_bits: bits, type: 'int', symmetric, strategy: dynamic ? 'token' : 'tensor', group_size: null, dynamic };
}

function formatOf({ activations }: ModulePlan): string {
  return activations === null ? 'pack-quantized' : 'int-quantized';
}

function groupConfig(members: readonly ModulePlan[], single: boolean, mixed: boolean): Readonly<Record<string, unknown>> {
  const [first] = members;
  const weights = first?.scheme.weights;
  const grouped = weights !== undefined && weights.groupSize !== -1;
  return {
    // The class name covers every linear when all are alike; otherwise the group lists its modules.
    targets: single ? ['Linear'] : members.map((plan) => plan.module),
    ...(mixed && first !== undefined ? { format: formatOf(first) } : {}),
    weights: {
      num_bits: weights?.bits,
      type: 'int',
      symmetric: weights?.symmetric,
      strategy: grouped ? 'group' : 'channel',
      group_size: grouped ? weights.groupSize : null,
      dynamic: false,
      actorder: first !== undefined && activationOrder(first) ? 'group' : null,
    },
    input_activations: first === undefined || first.activations === null ? null : inputActivations(first.activations),
    output_activations: null,
  };
}
