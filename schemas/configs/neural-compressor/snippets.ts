// Post-training configs to begin with.
import type { Snippet } from '../config-format.ts';

function weightOnly(algorithm: string): unknown {
  return {
    approach: 'weight_only',
    op_type_dict: { '.*': { weight: { bits: 4, group_size: 32, scheme: 'sym', algorithm } } },
    op_name_dict: { '.*lm_head': { weight: { dtype: 'fp32' }, activation: { dtype: 'fp32' } } },
  };
}

export const snippets: readonly Snippet[] = [
  { label: 'RTN, 4 bits', description: 'Weights only, rounded without data in groups of 32.', value: weightOnly('RTN') },
  { label: 'GPTQ, 4 bits', description: 'Weights only, with calibration data, in groups of 32.', value: weightOnly('GPTQ') },
  {
    label: 'SmoothQuant W8A8',
    description: '8-bit weights and activations; the outliers of the activations move into the weights first.',
    value: { approach: 'static', recipes: { smooth_quant: true, smooth_quant_args: { alpha: 0.5 } }, calibration_sampling_size: [100] },
  },
];
