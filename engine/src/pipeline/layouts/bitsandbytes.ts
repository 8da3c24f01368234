// Save format `bitsandbytes`: LLM.int8() as transformers saves and loads it: int8 codes, the largest weight of every row (SCB), and their order.
// Source: algorithms section 8; bitsandbytes-foundation/bitsandbytes nn/modules.py :: Linear8bitLt._save_to_state_dict; huggingface/transformers
// quantization_config.py :: BitsAndBytesConfig.
import { defaultThreshold } from '../../checkpoint/activations.ts';
import { suffix } from '../../checkpoint/layouts.ts';
import { bytesOf, encodeFloats, signedCodes } from './codes.ts';
import type { Layout } from './layout.ts';

const outputMatrix = 'lm_head';
/** Order of the codes in a weight: rows. */
const rowOrder = 0;

export const bitsandbytesLayout: Layout = {
  format: 'bitsandbytes',

  scheme: (recipe, method, weights) => ({
    weights,
    dialect: recipe.dialect ?? method.defaultDialect,
    mseSearch: recipe.mseSearch,
    fullRange: recipe.fullRange,
    scaleType: 'f32',
  }),

  refusal({ activations, scheme: { weights } }) {
    const own = 'use save_format "quantwright"';
    if (activations?.rule !== 'llm_int8')
      return `the bitsandbytes layout is that of LLM.int8(), which every reader computes; ${own}, or quant_method "llm_int8"`;
    if (weights.bits !== 8 || weights.groupSize !== -1)
      return `the bitsandbytes layout has 8-bit codes with one scale a row, not ${weights.bits} bits with group_size ${weights.groupSize}; ${own}`;
    return weights.symmetric ? null : `the bitsandbytes layout has no zero points; use weight_format "int8", or ${own.slice(4)}`;
  },

  tensors: ({ rows, cols }) => [
    { suffix: suffix.weight, dtype: 'I8', shape: [rows, cols] },
    { suffix: suffix.scb, dtype: 'F32', shape: [rows] },
    { suffix: suffix.weightFormat, dtype: 'U8', shape: [] },
  ],

  pack: async (_binding, _plan, matrix) => [
    bytesOf(signedCodes(matrix)),
    encodeFloats(
      matrix.scale.map((scale) => scale * 127),
      'f32',
    ),
    Uint8Array.of(rowOrder),
  ],

  config: (recipe, plans, left) => ({
    quant_method: 'bitsandbytes',
    load_in_8bit: true,
    load_in_4bit: false,
    // What transformers writes beside them when it saves.
    _load_in_8bit: true,
    _load_in_4bit: false,
    llm_int8_threshold: recipe.activations?.threshold ?? defaultThreshold,
    llm_int8_skip_modules: plans.some((plan) => plan.lmHead === true) || left.includes(outputMatrix) ? left : [...left, outputMatrix],
    llm_int8_has_fp16_weight: false,
    llm_int8_enable_fp32_cpu_offload: false,
  }),

  codec: () => 'llm_int8',
};
