// ModelOpt's settings in config.json: the flat form of hf_quant_config.json, with compressed-tensors' names for groups, ignore and KV cache.
import { schema } from '../../generated/schema-hf-modelopt.ts';
import { validate } from '../../generated/validate-hf-modelopt.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { inspectPlace } from '../hf/inspect.ts';
import { hfPlaces } from '../hf/place.ts';
import { lowerFlat } from './lower-flat.ts';
import { spellFlat } from './spell-flat.ts';

const METHODS = ['modelopt', 'modelopt_fp4'];

export const hfModelopt: ConfigFormat = {
  id: 'hf-modelopt',
  title: 'ModelOpt quantization_config in config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets: [
    snippet('ModelOpt NVFP4', '4-bit floats in blocks of 16; Blackwell', 'NVFP4', { num_bits: 4, type: 'float', dynamic: false, group_size: 16 }),
    snippet('ModelOpt FP8', 'fp8 weights, activations and KV cache', 'FP8', { num_bits: 8, type: 'float', dynamic: false }),
  ],
  match(fileName, root) {
    const found = hfPlaces(fileName, root).find(({ config }) => isOurs(config));
    return found === undefined ? null : { path: found.path };
  },
  lower: (value: unknown, path: JsonPath) => lowerFlat(value, path),
  spell: spellFlat,
  inspect: inspectPlace,
};

/** Runtimes take a config without a method for ModelOpt's when its producer says so. */
function isOurs(config: JsonObject): boolean {
  const { quant_method: method, producer } = config;
  const made = isObject(producer) && producer['name'] === 'modelopt';
  return typeof method === 'string' ? METHODS.includes(method) : made || typeof config['quant_algo'] === 'string';
}

function snippet(label: string, description: string, quant_algo: string, args: object): NonNullable<ConfigFormat['snippets']>[number] {
  const config_groups = { group_0: { targets: ['Linear'], weights: args, input_activations: args } };
  const kv_cache_scheme = { num_bits: 8, type: 'float', dynamic: false };
  return { label, description, value: { quant_method: 'modelopt', quant_algo, config_groups, kv_cache_scheme, ignore: ['lm_head'] } };
}
