// model_config/config_*.json of DashInfer's examples: uint8 weights for CPUs under `quantization_config`; and the KV cache under runtime_config.
import { schema } from '../../generated/schema-dashinfer-model.ts';
import { validate } from '../../generated/validate-dashinfer-model.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { lowerModelConfig } from './lower-model-config.ts';

const QUANTIZATION = { activation_type: 'bfloat16', weight_type: 'uint8', SubChannel: true, GroupSize: 128 };
const ENGINE = { engine_max_length: 2048, engine_max_batch: 8, do_profiling: false, num_threads: 0, matmul_precision: 'medium' };

export const dashinferModel: ConfigFormat = {
  id: 'dashinfer-model',
  title: 'DashInfer model config',
  schema,
  validate,
  impliedRuntime: 'dashinfer',
  describes: 'recipe',
  snippets: [
    {
      label: 'DashInfer on a CPU, uint8',
      description: 'uint8 weights in groups of 128, bfloat16 activations',
      value: {
        model_name: 'model',
        model_type: 'Qwen_v20',
        model_path: './dashinfer_models',
        data_type: 'float32',
        device_type: 'CPU',
        device_ids: [0],
        multinode_mode: false,
        engine_config: ENGINE,
        convert_config: { do_dynamic_quantize_convert: false },
        quantization_config: QUANTIZATION,
      },
    },
  ],
  match(_fileName, root) {
    const value = root?.value;
    return isObject(value) && !Object.hasOwn(value, 'architectures') && (isOlder(value) || isNewer(value)) ? { path: [] } : null;
  },
  lower: lowerModelConfig,
  spell(field, value, { value: config, path }) {
    const own = isObject(config) && isObject(config['quantization_config']);
    const set = (key: string, to: unknown): ReturnType<ConfigFormat['spell']> => [{ kind: 'set', path: [...path, 'quantization_config', key], value: to }];
    if (!own) {
      return [];
    }
    if (field === 'weights.groupSize' && typeof value === 'number') {
      return value > 0 ? [...set('GroupSize', value), ...set('SubChannel', true)] : value === -1 ? set('SubChannel', false) : [];
    }
    return field === 'computeDtype' ? set('activation_type', value) : [];
  },
};

function isOlder(file: JsonObject): boolean {
  const has = (key: string): boolean => Object.hasOwn(file, key);
  return isObject(file['engine_config']) && has('model_type') && (has('convert_config') || has('device_type')) && !has('quant_method');
}

/** runtime_config as DashInfer's builder reads it. */
function isNewer(file: JsonObject): boolean {
  const runtime = file['runtime_config'];
  return (
    isObject(runtime) && (Object.hasOwn(runtime, 'kv_cache_mode') || (Object.hasOwn(runtime, 'compute_unit') && Object.hasOwn(runtime, 'engine_max_length')))
  );
}
