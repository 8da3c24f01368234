// quantization_config of HQQ: what its weight_quant_params say, for all linears or by the tag of a layer (self_attn.q_proj). Tensors that say the same
// themselves come first. Source: huggingface/transformers src/transformers/utils/quantization_config.py :: HqqConfig.
import { isJsonObject, type JsonObject } from '../json-file.ts';

export interface HqqModuleConfig {
  readonly bits: unknown;
  readonly axis: unknown;
}

export interface HqqConfig {
  readonly layout: 'hqq';
  /** What the config says of a module; fields it does not have are undefined. */
  of(module: string): HqqModuleConfig;
}

export function parseHqq(config: JsonObject): HqqConfig {
  const all = config['quant_config'];
  return {
    layout: 'hqq',
    of: (module) => {
      const own = isJsonObject(all) ? (paramsOf(all) ?? paramsOf(all[module.split('.').slice(-2).join('.')])) : null;
      return { bits: own?.['nbits'], axis: own?.['axis'] };
    },
  };
}

function paramsOf(config: unknown): JsonObject | null {
  const params = isJsonObject(config) ? config['weight_quant_params'] : null;
  return isJsonObject(params) ? params : null;
}
