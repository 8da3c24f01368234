// GPTQ in a model's config.json: `quantization_config` as transformers reads it. A config.json without one, or with another method's, is not ours.
import { schema } from '../../generated/schema-hf-gptq.ts';
import { validate } from '../../generated/validate-hf-gptq.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { inspectPlace } from './inspect.ts';
import { otherMethods } from './known-methods.ts';
import { lowerGptq } from './lower-gptq.ts';
import { spellGptq } from './spell-gptq.ts';

const PLACES: readonly (readonly string[])[] = [['quantization_config'], ['text_config', 'quantization_config']];

export const hfGptq: ConfigFormat = {
  id: 'hf-gptq',
  title: 'GPTQ quantization_config in config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  match(fileName, root) {
    const name = baseName(fileName);
    const value = root?.value;
    if (!isObject(value) || !(name === 'config.json' || (name.endsWith('config.json') && Object.hasOwn(value, 'model_type')))) {
      return null;
    }
    const path = PLACES.find((place) => looksLikeGptq(at(value, place)));
    return path === undefined ? null : { path };
  },
  lower: (value, path) => lowerGptq('hf-gptq', { bits: null, groupSize: 128, descAct: false, dampPercent: 0.1 }, value, path),
  spell: spellGptq,
  inspect: inspectPlace,
};

function at(value: JsonObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((object, key) => (isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined), value);
}

/** quant_method gptq; or none, or an unknown one, with the keys of GPTQ beside it. */
function looksLikeGptq(config: unknown): boolean {
  if (!isObject(config)) {
    return false;
  }
  const method = config['quant_method'];
  if (method === 'gptq') {
    return true;
  }
  if (typeof method === 'string' && otherMethods.has(method)) {
    return false;
  }
  const has = (...keys: readonly string[]): boolean => keys.some((key) => Object.hasOwn(config, key));
  const foreign = has('zero_point', 'version', 'config_groups', 'quant_algo', 'packing_format', 'autoround_version', 'quant_config', 'weight_format');
  return !foreign && has('bits', 'w_bit', 'wbits') && has('group_size', 'q_group_size', 'groupsize', 'desc_act', 'sym', 'damp_percent');
}
