// The preset of compressed-tensors that a written-out group stands for.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/{quant_scheme,quant_args}.py
import { isObject, type JsonObject } from '../configs/fields.ts';
import { presets } from '../configs/hf-compressed-tensors/presets.ts';

/** Null when the group says something that no preset does. */
export function presetOf(scheme: JsonObject): string | null {
  const weighted = Object.entries(presets).filter(([, preset]) => preset['weights'] !== undefined);
  return weighted.find(([, preset]) => same(scheme, preset))?.[0] ?? null;
}

function same(scheme: JsonObject, preset: JsonObject): boolean {
  const more = Object.entries(scheme).some(([key, said]) => !['targets', 'weights', 'input_activations'].includes(key) && said !== null);
  return (
    !more &&
    sameArguments(scheme['weights'] ?? null, preset['weights'] ?? null) &&
    sameArguments(scheme['input_activations'] ?? null, preset['input_activations'] ?? null)
  );
}

/** What a key that is left out stands for (quant_args.py :: QuantizationArgs); how values were observed is forgotten once they are there. */
const DEFAULTS: JsonObject = { num_bits: 8, type: 'int', symmetric: true, dynamic: false, group_size: null, block_structure: null, actorder: null };
const FORGOTTEN = ['observer', 'observer_kwargs', 'scale_dtype', 'zp_dtype'];

function sameArguments(said: unknown, preset: unknown): boolean {
  if (!isObject(said) || !isObject(preset)) {
    return said === null && preset === null;
  }
  const own: JsonObject = { ...DEFAULTS, ...preset };
  const written: JsonObject = { ...DEFAULTS, ...said };
  const keys = new Set([...Object.keys(own), ...Object.keys(written)].filter((key) => !FORGOTTEN.includes(key)));
  // -1 is another spelling of one scale a channel.
  const value = (from: JsonObject, key: string): string => JSON.stringify(key === 'group_size' && from[key] === -1 ? null : (from[key] ?? null));
  return [...keys].every((key) => value(own, key) === value(written, key));
}
