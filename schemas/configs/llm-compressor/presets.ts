// Preset schemes of compressed-tensors as recipes name them, and what they mean for weights and activations.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py.
import type { ActivationRecipe, WeightRecipe } from '../../recipe/recipe.ts';

export interface Scheme {
  readonly weights: Partial<WeightRecipe>;
  readonly activations: ActivationRecipe | null;
}

const NAMES = ['W8A8', 'INT8', 'FP8', 'FP8_DYNAMIC', 'FP8_BLOCK', 'NVFP4', 'NVFP4A16', 'MXFP4', 'MXFP4A16', 'MXFP8', 'MXFP8A16', 'UNQUANTIZED'];
/** For "did you mean": with the common ones of the W.A. family. */
export const PRESETS: readonly string[] = ['W4A16', 'W4A16_ASYM', 'W8A16', 'W4A8', 'W4AFP8', ...NAMES];

const token8: ActivationRecipe = { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true };
const fp8 = (granularity: ActivationRecipe['granularity'], dynamic: boolean): ActivationRecipe => ({
  dtype: 'fp8_e4m3',
  bits: 8,
  symmetric: true,
  granularity,
  dynamic,
});
const fp8Weights: Partial<WeightRecipe> = { dtype: 'fp8_e4m3', bits: 8 };
const int8Token: Scheme = { weights: { bits: 8 }, activations: token8 };
const float4 = (dtype: 'nvfp4' | 'mxfp4', groupSize: number, activated: boolean): Scheme => ({
  weights: { dtype, bits: 4, groupSize },
  activations: activated ? { dtype, bits: 4, symmetric: true, granularity: 'group', dynamic: true } : null,
});
const float8 = (activated: boolean): Scheme => ({
  weights: { dtype: 'mxfp8', bits: 8, groupSize: 32 },
  activations: activated ? { dtype: 'mxfp8', bits: 8, symmetric: true, granularity: 'group', dynamic: true } : null,
});

const MEANING: Readonly<Record<string, Scheme>> = {
  W4A16: { weights: { bits: 4, groupSize: 128 }, activations: null },
  W4A16_ASYM: { weights: { bits: 4, groupSize: 128, symmetric: false, zeroPoint: 'integer' }, activations: null },
  W8A16: { weights: { bits: 8 }, activations: null },
  W4A8: { weights: { bits: 4, groupSize: 128 }, activations: token8 },
  W4AFP8: { weights: { bits: 4, groupSize: 128 }, activations: fp8('per_token', true) },
  W8A8: int8Token,
  INT8: int8Token,
  FP8: { weights: fp8Weights, activations: fp8('per_tensor', false) },
  FP8_DYNAMIC: { weights: fp8Weights, activations: fp8('per_token', true) },
  FP8_BLOCK: { weights: { ...fp8Weights, block: [128, 128] }, activations: fp8('group', true) },
  NVFP4: float4('nvfp4', 16, true),
  NVFP4A16: float4('nvfp4', 16, false),
  MXFP4: float4('mxfp4', 32, true),
  MXFP4A16: float4('mxfp4', 32, false),
  MXFP8: float8(true),
  MXFP8A16: float8(false),
};

export function isPreset(name: string): boolean {
  return NAMES.includes(name.toUpperCase()) || /^W[2-8]A(?:\d+|FP8)(?:_ASYM)?$/i.test(name);
}

/** Null: a preset whose groups are not written down here. */
export function presetScheme(name: string): Scheme | null {
  const key = name.toUpperCase();
  return Object.hasOwn(MEANING, key) ? (MEANING[key] ?? null) : null;
}
