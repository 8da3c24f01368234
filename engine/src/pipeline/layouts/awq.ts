// Save format `awq`: AutoAWQ's GEMM version, which AutoAWQ, transformers and vLLM read. 4 bits, integer zeros, one group size for the whole model.
// Source: algorithms section 18.2; casper-hansen/AutoAWQ awq/modules/linear/gemm.py :: WQLinear_GEMM.from_linear, awq/models/_config.py :: AwqConfig.
import { packAwq } from '../../checkpoint/awq-words.ts';
import { suffix } from '../../checkpoint/layouts.ts';
import { encodeFloats, transpose, unsignedCodes, unsignedZeros } from './codes.ts';
import type { Layout } from './layout.ts';

export const awqLayout: Layout = {
  format: 'awq',

  scheme(recipe, method, weights) {
    const asked = recipe.dialect ?? method.defaultDialect;
    // The zero points of InstantQuant are fractional; this layout has integers.
    const dialect = asked === 'instant_quant' ? 'ist' : asked;
    return { recipe, weights, dialect, mseSearch: recipe.mseSearch, fullRange: recipe.fullRange, scaleType: 'f16' };
  },

  refusal(plan) {
    const { weights, recipe } = plan.scheme;
    const { bits, groupSize, descAct, staticGroups } = weights;
    if (plan.activations) return 'the awq layout is weight-only; use save_format "quantwright" or "compressed-tensors" for 8-bit activations';
    if (bits !== 4) return `the awq layout holds 4-bit codes, not ${bits}-bit ones; use save_format "gptq_v2" or "quantwright"`;
    if (descAct && !staticGroups && groupSize !== -1)
      return 'the awq layout has groups in the order of columns; use desc_act false, static_groups true, or save_format "gptq"';
    if (groupSize !== -1 && plan.cols % groupSize !== 0)
      return `the awq layout needs groups of equal length, and group_size ${groupSize} does not divide ${plan.cols} columns; use save_format "quantwright" or another group_size`;
    if (plan.lmHead === true) return 'readers of the awq layout expect the output matrix in floating point; use lm_head false, or save_format "gptq"';
    if (plan.rows % 32 !== 0)
      return `the awq layout needs rows in multiples of 32, and this matrix has ${plan.rows}; put the module into "ignore" or use save_format "quantwright"`;
    if (recipe !== undefined && recipe.weights.groupSize !== groupSize)
      return `the awq layout has one group_size for all modules, ${recipe.weights.groupSize} here, and this one has ${groupSize}; use save_format "gptq" or "quantwright"`;
    return null;
  },

  tensors({ rows, cols, scheme: { weights } }) {
    const groups = weights.groupSize === -1 ? 1 : cols / weights.groupSize;
    return [
      { suffix: suffix.qweight, dtype: 'I32', shape: [cols, rows / 8] },
      { suffix: suffix.qzeros, dtype: 'I32', shape: [groups, rows / 8] },
      { suffix: suffix.scales, dtype: 'F16', shape: [groups, rows] },
    ];
  },

  pack: async (_binding, _plan, matrix) => {
    const { rows, cols, groups } = matrix;
    return [
      packAwq(unsignedCodes(matrix), rows, cols),
      packAwq(unsignedZeros(matrix), rows, groups),
      encodeFloats(transpose(matrix.scale, rows, groups), 'f16'),
    ];
  },

  config: (recipe, _plans, left) => ({
    quant_method: 'awq',
    bits: 4,
    group_size: recipe.weights.groupSize,
    // Zero points are always stored; those of symmetric codes are all 8.
    zero_point: true,
    version: 'gemm',
    modules_to_not_convert: left.length === 0 ? null : left,
  }),

  codec: () => 'q4',
};
