// Recipe fields -> edits of a `quantization` member. Bits and types are in the name of the algorithm, which says more than a field can.
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { findAlgorithm } from './quant-algo.ts';

const CACHES: Readonly<Record<string, string | null>> = { fp8_e4m3: 'FP8', nvfp4: 'NVFP4', int: 'INT8', none: null };

export const spellModelopt: ConfigFormat['spell'] = (field, value, { value: config, path }) => {
  const named = isObject(config) && typeof config['quant_algo'] === 'string' ? config['quant_algo'] : null;
  const set = (key: string, to: unknown): ReturnType<ConfigFormat['spell']> => [{ kind: 'set', path: [...path, key], value: to }];
  if (field === 'weights.groupSize' && typeof value === 'number' && value > 0) {
    const groups = findAlgorithm(named)?.groups ?? null;
    return named === 'MIXED_PRECISION' || (groups !== null && !groups.includes(value)) ? [] : set('group_size', value);
  }
  if (field === 'variant' && typeof value === 'string' && findAlgorithm(value) !== null) {
    return set('quant_algo', value);
  }
  if (field === 'kvCache' && Object.hasOwn(CACHES, String(value))) {
    return set('kv_cache_quant_algo', CACHES[String(value)]);
  }
  return [];
};
