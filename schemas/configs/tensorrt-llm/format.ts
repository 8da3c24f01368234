// config.json of a TensorRT-LLM checkpoint: the member `quantization`, whose unknown keys TensorRT-LLM refuses.
import { schema } from '../../generated/schema-tensorrt-llm.ts';
import { validate } from '../../generated/validate-tensorrt-llm.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { lowerModelopt } from '../modelopt/lower-modelopt.ts';
import { spellModelopt } from '../modelopt/spell-modelopt.ts';
import { isTensorRtCheckpoint } from './place.ts';

export const tensorrtLlm: ConfigFormat = {
  id: 'tensorrt-llm',
  title: 'TensorRT-LLM checkpoint config',
  schema,
  validate,
  impliedRuntime: 'tensorrt-llm',
  describes: 'checkpoint',
  snippets: [
    {
      label: 'TensorRT-LLM FP8',
      description: 'fp8 weights, activations and KV cache',
      value: { quant_algo: 'FP8', kv_cache_quant_algo: 'FP8', exclude_modules: ['lm_head'] },
    },
    {
      label: 'TensorRT-LLM W4A16 AWQ',
      description: '4-bit weights in groups of 128',
      value: { quant_algo: 'W4A16_AWQ', group_size: 128, has_zero_point: false, pre_quant_scale: true, exclude_modules: ['lm_head'] },
    },
    { label: 'TensorRT-LLM SmoothQuant', description: 'int8 weights and activations', value: { quant_algo: 'W8A8_SQ_PER_CHANNEL', smoothquant_val: 0.5 } },
  ],
  match(_fileName, root) {
    const value = root?.value;
    return isObject(value) && isTensorRtCheckpoint(value) ? { path: ['quantization'] } : null;
  },
  lower: (value, path) => lowerModelopt('tensorrt-llm', value, path),
  spell: spellModelopt,
};
