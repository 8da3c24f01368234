// hf_quant_config.json as ModelOpt writes it: the config is the member `quantization`, with `producer` beside it where nobody shortened the file.
import { schema } from '../../generated/schema-modelopt.ts';
import { validate } from '../../generated/validate-modelopt.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { isTensorRtCheckpoint } from '../tensorrt-llm/place.ts';
import { lowerModelopt } from './lower-modelopt.ts';
import { spellModelopt } from './spell-modelopt.ts';

const algorithm = (label: string, description: string, quant_algo: string, more: object): { label: string; description: string; value: unknown } => ({
  label,
  description,
  value: { quant_algo, kv_cache_quant_algo: 'FP8', ...more, exclude_modules: ['lm_head'] },
});

export const modelopt: ConfigFormat = {
  id: 'modelopt',
  title: 'ModelOpt hf_quant_config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets: [
    algorithm('ModelOpt FP8', 'fp8 weights, activations and KV cache', 'FP8', {}),
    algorithm('ModelOpt NVFP4', '4-bit floats in blocks of 16; Blackwell', 'NVFP4', { group_size: 16 }),
    algorithm('ModelOpt W4A16 AWQ', '4-bit weights in groups of 128; TensorRT-LLM', 'W4A16_AWQ', {
      group_size: 128,
      has_zero_point: false,
      pre_quant_scale: true,
    }),
  ],
  match(fileName, root) {
    const value = root?.value;
    if (!isObject(value) || isTensorRtCheckpoint(value)) {
      return null;
    }
    const { quantization } = value;
    const named = baseName(fileName).endsWith('hf_quant_config.json');
    return isObject(quantization) && (named || 'quant_algo' in quantization || 'kv_cache_quant_algo' in quantization) ? { path: ['quantization'] } : null;
  },
  lower: (value, path) => lowerModelopt('modelopt', value, path),
  spell: spellModelopt,
};
