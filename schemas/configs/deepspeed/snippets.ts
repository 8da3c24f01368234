// Values of compression_training to begin with.
import type { Snippet } from '../config-format.ts';

function weights(bits: number): unknown {
  return {
    shared_parameters: {
      enabled: true,
      schedule_offset: 0,
      quantize_groups: 64,
      quantization_type: 'symmetric',
      quantize_weight_in_forward: true,
      rounding: 'nearest',
    },
    different_groups: { wq1: { params: { start_bits: bits, target_bits: bits, quantization_period: 0 }, modules: ['*'] } },
  };
}

const activations = {
  shared_parameters: { enabled: true, quantization_type: 'symmetric', range_calibration: 'dynamic', schedule_offset: 0 },
  different_groups: { aq1: { params: { bits: 8 }, modules: ['*'] } },
};

export const snippets: readonly Snippet[] = [
  {
    label: 'ZeroQuant W8A8',
    description: '8-bit weights in 64 groups and 8-bit activations per token; FP32 optimizer.',
    value: { weight_quantization: weights(8), activation_quantization: activations },
  },
  {
    label: 'ZeroQuant W4A8',
    description: '4-bit weights in 64 groups and 8-bit activations per token; FP32 optimizer.',
    value: { weight_quantization: weights(4), activation_quantization: activations },
  },
  {
    label: 'Weights only, 8 bits',
    description: '8-bit weights in 64 groups; activations stay as they are.',
    value: { weight_quantization: weights(8) },
  },
];
