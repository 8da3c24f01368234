// The integer and fp8 presets of compressed-tensors as the arguments they stand for.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py :: PRESET_SCHEMES.
import { isObject, type JsonObject } from '../configs/fields.ts';

const grouped4 = { num_bits: 4, type: 'int', symmetric: true, strategy: 'group', group_size: 128, dynamic: false };
const channel8 = { num_bits: 8, type: 'int', symmetric: true, strategy: 'channel', dynamic: false };
const token8 = { num_bits: 8, type: 'int', symmetric: true, strategy: 'token', dynamic: true };
const channelFp8 = { num_bits: 8, type: 'float', symmetric: true, strategy: 'channel', dynamic: false };
const tensorFp8 = { num_bits: 8, type: 'float', symmetric: true, strategy: 'tensor', dynamic: false };
const tokenFp8 = { num_bits: 8, type: 'float', symmetric: true, strategy: 'token', dynamic: true };

const PRESETS = {
  W4A16: { weights: grouped4, input_activations: null },
  W4A16_ASYM: { weights: { ...grouped4, symmetric: false }, input_activations: null },
  W8A16: { weights: channel8, input_activations: null },
  W4A8: { weights: grouped4, input_activations: token8 },
  W8A8: { weights: channel8, input_activations: token8 },
  FP8: { weights: tensorFp8, input_activations: tensorFp8 },
  FP8_DYNAMIC: { weights: channelFp8, input_activations: tokenFp8 },
} as const satisfies Readonly<Record<string, { readonly weights: JsonObject; readonly input_activations: JsonObject | null }>>;

export type PresetName = keyof typeof PRESETS;

export const presetNames = Object.keys(PRESETS) as readonly PresetName[];

export function argumentsOf(preset: PresetName): JsonObject {
  return PRESETS[preset];
}

/** The preset that says the same; null when the group says something that none does. */
export function presetOf(scheme: JsonObject): PresetName | null {
  return presetNames.find((name) => same(scheme, PRESETS[name])) ?? null;
}

function same(scheme: JsonObject, preset: { readonly weights: JsonObject; readonly input_activations: JsonObject | null }): boolean {
  const more = Object.entries(scheme).some(([key, said]) => !['targets', 'weights', 'input_activations'].includes(key) && said !== null);
  return !more && sameArguments(scheme['weights'], preset.weights) && sameArguments(scheme['input_activations'] ?? null, preset.input_activations);
}

/** What a key that is left out stands for (quant_args.py :: QuantizationArgs); how values were observed is forgotten once they are there. */
const DEFAULTS: JsonObject = { num_bits: 8, type: 'int', symmetric: true, dynamic: false, group_size: null, block_structure: null, actorder: null };
const FORGOTTEN = ['observer', 'observer_kwargs', 'scale_dtype', 'zp_dtype'];

function sameArguments(said: unknown, preset: JsonObject | null): boolean {
  if (preset === null || !isObject(said)) {
    return preset === null && said === null;
  }
  const own = { ...DEFAULTS, ...preset };
  const written: JsonObject = { ...DEFAULTS, ...said };
  const keys = new Set([...Object.keys(own), ...Object.keys(written)].filter((key) => !FORGOTTEN.includes(key)));
  // -1 is another spelling of one scale a channel.
  const value = (from: JsonObject, key: string): unknown => (key === 'group_size' && from[key] === -1 ? null : (from[key] ?? null));
  return [...keys].every((key) => value(own, key) === value(written, key));
}
