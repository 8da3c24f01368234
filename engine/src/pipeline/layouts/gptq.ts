// Save formats `gptq` (v1, zero - 1) and `gptq_v2` (zero as it is): what AutoGPTQ, GPTQModel, vLLM and transformers read. Weight-only, integer zeros.
// Source: algorithms section 18.1; AutoGPTQ qlinear_cuda.py (pack), GPTQModel utils/model.py (v1 <-> v2).
import { maxCode, packedWords, suffix, weightOnlyCodec } from '../../checkpoint/layouts.ts';
import { codeBits } from '../../methods/rounding.ts';
import { encodeFloats, encodeInt32, transpose, unsignedCodes, unsignedZeros } from './codes.ts';
import { commonPlan, type Layout, type ModulePlan } from './layout.ts';

function gptq(version: 1 | 2): Layout {
  return {
    format: version === 1 ? 'gptq' : 'gptq_v2',

    scheme(recipe, method, weights) {
      const asked = recipe.dialect ?? method.defaultDialect;
      // The zero points of InstantQuant are fractional; this layout has integers.
      const dialect = asked === 'instant_quant' ? 'ist' : asked;
      return { weights, dialect, mseSearch: recipe.mseSearch, fullRange: recipe.fullRange, scaleType: 'f16' };
    },

    refusal(plan) {
      if (plan.activations) return 'the gptq layout is weight-only; use save_format "quantwright" or "compressed-tensors" for 8-bit activations';
      const { bits } = plan.scheme.weights;
      if (![2, 3, 4, 8].includes(bits)) return `the gptq layout holds 2, 3, 4 or 8 bits, not ${bits}; use save_format "quantwright"`;
      if (plan.rows % 32 !== 0 || plan.cols % 32 !== 0) {
        return `the gptq layout needs rows and columns that are multiples of 32, and this matrix is ${plan.rows} x ${plan.cols}; put the module into "ignore" or use save_format "quantwright"`;
      }
      return null;
    },

    tensors(plan) {
      const bits = codeBits(plan.scheme.weights.bits);
      const groups = groupsOf(plan);
      return [
        { suffix: suffix.qweight, dtype: 'I32', shape: [packedWords(plan.cols, bits), plan.rows] },
        { suffix: suffix.qzeros, dtype: 'I32', shape: [groups, packedWords(plan.rows, bits)] },
        { suffix: suffix.scales, dtype: 'F16', shape: [groups, plan.rows] },
        { suffix: suffix.gIdx, dtype: 'I32', shape: [plan.cols] },
      ];
    },

    async pack(binding, _plan, matrix) {
      const { rows, cols, groups, bits } = matrix;
      const mask = maxCode(bits);
      const zeros = transpose(unsignedZeros(matrix), rows, groups);
      // Masked, so that zero 0 cannot spill into the neighbouring field (it did in the first writers of this format).
      const storedZeros = version === 2 ? zeros : zeros.map((zero) => (zero - 1) & mask);
      const gIdx = matrix.gIdx ?? groupsInOrder(cols, matrix.groupSize);
      return [
        await binding.packGptq(unsignedCodes(matrix), rows, cols, bits),
        await binding.packRows(storedZeros, groups, rows, bits),
        encodeFloats(transpose(matrix.scale, rows, groups), 'f16'),
        encodeInt32(gIdx),
      ];
    },

    parts: ({ cols, scheme }) =>
      scheme.weights.descAct
        ? null
        : [
            { kind: 'code_words_by_column' },
            { kind: 'zero_words_by_group', minusOne: version === 1 },
            { kind: 'scales_by_group' },
            storedGroups(cols, scheme.weights.groupSize === -1 ? cols : scheme.weights.groupSize),
          ],

    config(recipe, plans, left) {
      const key = (plan: ModulePlan) => `${plan.scheme.weights.bits}/${plan.scheme.weights.groupSize}`;
      const common = commonPlan(plans, key) ?? { scheme: { weights: recipe.weights, dialect: 'ist' } };
      const { weights } = common.scheme;
      // GPTQModel's per-module rules: `-:` leaves a module alone, `+:` changes its settings.
      const dynamic = Object.fromEntries([
        ...left.map((module) => [`-:${exactly(module)}`, {}] as const),
        ...plans
          .filter((plan) => 'module' in common && key(plan) !== key(common))
          .map((plan) => [`+:${exactly(plan.module)}`, { bits: plan.scheme.weights.bits, group_size: plan.scheme.weights.groupSize }] as const),
      ]);
      return {
        quant_method: 'gptq',
        checkpoint_format: version === 1 ? 'gptq' : 'gptq_v2',
        bits: weights.bits,
        group_size: weights.groupSize,
        sym: common.scheme.dialect !== 'instant_quant' && weights.symmetric,
        desc_act: weights.descAct,
        static_groups: weights.staticGroups,
        true_sequential: recipe.trueSequential,
        damp_percent: recipe.dampPercent,
        lm_head: plans.some((plan) => plan.lmHead === true),
        ...(Object.keys(dynamic).length === 0 ? {} : { dynamic }),
      };
    },

    codec: (plan) => weightOnlyCodec(codeBits(plan.scheme.weights.bits)),
  };
}

export const gptqLayout = gptq(1);
export const gptqV2Layout = gptq(2);

function groupsInOrder(cols: number, groupSize: number): Int32Array {
  return Int32Array.from({ length: cols }, (_, column) => Math.floor(column / groupSize));
}

const stored = new Map<string, Uint8Array>();

/** The `g_idx` of modules in bands: asked for several times a module, and nearly all modules share one. Not to be written to. */
function storedGroups(cols: number, groupSize: number): Uint8Array {
  const key = `${cols}/${groupSize}`;
  const groups = stored.get(key) ?? encodeInt32(groupsInOrder(cols, groupSize));
  // A model has two or three widths.
  if (stored.size >= 8) stored.clear();
  stored.set(key, groups);
  return groups;
}

function groupsOf(plan: ModulePlan): number {
  const size = plan.scheme.weights.groupSize;
  return size === -1 ? 1 : Math.ceil(plan.cols / size);
}

function exactly(module: string): string {
  return `^${module.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}
