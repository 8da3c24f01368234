// Presets: a group's name -> the scheme it stands for, when the group is a list of targets.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py :: PRESET_SCHEMES
import type { JsonObject } from '../fields.ts';

const int = (num_bits: number, more: object): JsonObject => ({ num_bits, type: 'int', symmetric: true, ...more });
const float = (num_bits: number, more: object): JsonObject => ({ num_bits, type: 'float', symmetric: true, ...more });

const channel = { strategy: 'channel' };
const group128 = { strategy: 'group', group_size: 128 };
const token = { strategy: 'token', dynamic: true };
const nvfp4 = float(4, { strategy: 'tensor_group', group_size: 16 });
const mx = { strategy: 'group', group_size: 32 };

const INT8 = { weights: int(8, channel), input_activations: int(8, token) };

export const presets: Readonly<Record<string, JsonObject>> = {
  UNQUANTIZED: {},
  W8A16: { weights: int(8, channel) },
  W4A16: { weights: int(4, group128) },
  W4A16_ASYM: { weights: int(4, { ...group128, symmetric: false }) },
  W8A8: INT8,
  INT8,
  W4A8: { weights: int(4, group128), input_activations: int(8, token) },
  W4AFP8: { weights: int(4, group128), input_activations: float(8, token) },
  FP8: { weights: float(8, { strategy: 'tensor' }), input_activations: float(8, { strategy: 'tensor', dynamic: false }) },
  FP8_DYNAMIC: { weights: float(8, channel), input_activations: float(8, token) },
  FP8_BLOCK: {
    weights: float(8, { strategy: 'block', block_structure: [128, 128] }),
    input_activations: float(8, { strategy: 'group', group_size: 128, dynamic: true }),
  },
  NVFP4A16: { weights: nvfp4 },
  NVFP4: { weights: nvfp4, input_activations: { ...nvfp4, dynamic: 'local' } },
  MXFP4A16: { weights: float(4, mx) },
  MXFP4: { weights: float(4, mx), input_activations: float(4, { ...mx, dynamic: true }) },
  MXFP8A16: { weights: float(8, mx) },
  MXFP8: { weights: float(8, mx), input_activations: float(8, { ...mx, dynamic: true }) },
};

/** W2A16 to W7A16 and their kin exist; their settings are not kept here. */
export function isPresetName(name: string): boolean {
  return Object.hasOwn(presets, name.toUpperCase()) || /^W[2-7]A(?:4|8|16|FP8)(?:_ASYM)?$/i.test(name);
}
