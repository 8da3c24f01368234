// Configs to begin with, as llm-compressor writes them.
import type { Snippet } from '../config-format.ts';

const int = { num_bits: 8, type: 'int', symmetric: true };
const float = { num_bits: 8, type: 'float', symmetric: true };
const token = { strategy: 'token', dynamic: true };

export const snippets: readonly Snippet[] = [
  snippet('W4A16, group 128', '4-bit integers, activations as they are', 'pack-quantized', { ...int, num_bits: 4, strategy: 'group', group_size: 128 }, null),
  snippet('W8A8 int8', 'int8 weights per channel, activations per token', 'int-quantized', { ...int, strategy: 'channel' }, { ...int, ...token }),
  snippet(
    'FP8 dynamic',
    'fp8 weights per channel, activations per token; Ada and newer',
    'float-quantized',
    { ...float, strategy: 'channel' },
    { ...float, ...token },
  ),
  snippet(
    'NVFP4',
    '4-bit floats in blocks of 16, activations too; Blackwell',
    'nvfp4-pack-quantized',
    { num_bits: 4, type: 'float', symmetric: true, strategy: 'tensor_group', group_size: 16 },
    { num_bits: 4, type: 'float', symmetric: true, strategy: 'tensor_group', group_size: 16, dynamic: 'local' },
  ),
];

function snippet(label: string, description: string, format: string, weights: object, input_activations: object | null): Snippet {
  const group_0 = { targets: ['Linear'], weights, input_activations };
  return { label, description, value: { quant_method: 'compressed-tensors', format, config_groups: { group_0 }, ignore: ['lm_head'], kv_cache_scheme: null } };
}
