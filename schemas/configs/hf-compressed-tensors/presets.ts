// Presets of compressed-tensors: a name -> the scheme it stands for, in `config_groups` (a list of targets under the name) and in the recipes
// of llm-compressor (`scheme`).
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py :: PRESET_SCHEMES (August 2026).
import type { JsonObject } from '../fields.ts';

const int = (num_bits: number, more: object): JsonObject => ({ num_bits, type: 'int', symmetric: true, ...more });
const float = (num_bits: number, more: object): JsonObject => ({ num_bits, type: 'float', symmetric: true, ...more });

const channel = { strategy: 'channel' };
const group128 = { strategy: 'group', group_size: 128 };
const token = { strategy: 'token', dynamic: true };
const nvfp4 = float(4, { strategy: 'tensor_group', group_size: 16 });
const mx = { strategy: 'group', group_size: 32 };

const INT8 = { weights: int(8, channel), input_activations: int(8, token) };
/** quant_scheme.py :: _int_wnam: groups of 128 at every width; activations that are not 16-bit are integers for each token. */
const wNaM = (bits: number, activations: 4 | 8 | 16): JsonObject => ({
  weights: int(bits, group128),
  ...(activations === 16 ? {} : { input_activations: int(activations, token) }),
});

/** W8A16 was per channel until May 2026 (pull request 702); W8A8 still is. */
export const presets: Readonly<Record<string, JsonObject>> = {
  UNQUANTIZED: {},
  W4A16: wNaM(4, 16),
  W4A16_ASYM: { weights: int(4, { ...group128, symmetric: false }) },
  W8A16: wNaM(8, 16),
  W8A8: INT8,
  INT8,
  W4A8: wNaM(4, 8),
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
  W2A4: wNaM(2, 4),
  W2A8: wNaM(2, 8),
  W2A16: wNaM(2, 16),
  W3A4: wNaM(3, 4),
  W3A8: wNaM(3, 8),
  W3A16: wNaM(3, 16),
  W4A4: wNaM(4, 4),
  W5A8: wNaM(5, 8),
  W5A16: wNaM(5, 16),
  W6A8: wNaM(6, 8),
  W6A16: wNaM(6, 16),
  W7A8: wNaM(7, 8),
  W7A16: wNaM(7, 16),
};

/** Null: no preset. Capitals do not matter. */
export function presetNamed(name: string): JsonObject | null {
  const key = name.toUpperCase();
  return Object.hasOwn(presets, key) ? (presets[key] ?? null) : null;
}
