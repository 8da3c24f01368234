// Which method a quantization_config was written for, by the keys that only that method has, or by a slip in its name.
import { nearestWord } from '../../check/nearest-word.ts';
import type { JsonObject } from '../fields.ts';
import { knownMethods } from '../hf/known-methods.ts';

/** Method -> keys that no other method has; the first with one of them is meant. */
const TELLING: readonly (readonly [string, readonly string[]])[] = [
  ['modelopt', ['quant_algo', 'kv_cache_quant_algo']],
  ['compressed-tensors', ['config_groups', 'kv_cache_scheme', 'quantization_status']],
  ['quark', ['global_quant_config', 'layer_quant_config']],
  ['auto-round', ['autoround_version', 'packing_format']],
  ['bitsandbytes', ['load_in_4bit', 'load_in_8bit', 'bnb_4bit_quant_type', 'bnb_4bit_compute_dtype', 'llm_int8_threshold']],
  ['fp8', ['weight_block_size', 'activation_scheme']],
  ['fbgemm_fp8', ['activation_scale_ub']],
  ['aqlm', ['in_group_size', 'num_codebooks', 'nbits_per_codebook']],
  ['spqr', ['beta1', 'beta2', 'shapes']],
  ['vptq', ['config_for_layers', 'shared_layer_config']],
  ['higgs', ['hadamard_size', 'tune_metadata']],
  ['fp_quant', ['forward_dtype', 'forward_method']],
  ['bitnet', ['linear_class', 'quantization_mode']],
  ['sinq', ['tiling_mode']],
  ['hqq', ['weight_quant_params', 'quant_config', 'nbits']],
  ['torchao', ['quant_type', 'untie_embedding_weights']],
  ['exl2', ['head_bits']],
  ['awq', ['zero_point', 'version', 'do_fuse']],
  ['gptq', ['desc_act', 'damp_percent', 'true_sequential', 'static_groups', 'sym']],
];

/** Null: neither name nor keys tell. A name that is nearly right counts more than the keys. */
export function guessMethod(config: JsonObject): string | null {
  const written = config['quant_method'];
  const near = typeof written === 'string' ? nearestWord(written, [...knownMethods]) : null;
  return near ?? TELLING.find(([, keys]) => keys.some((key) => Object.hasOwn(config, key)))?.[0] ?? null;
}
