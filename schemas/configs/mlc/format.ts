// mlc-chat-config.json of MLC LLM and WebLLM: the whole quantization is one name.
import { schema } from '../../generated/schema-mlc.ts';
import { validate } from '../../generated/validate-mlc.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { fieldsOf, isObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { namedQuantization } from './quantization-names.ts';

export const mlc: ConfigFormat = {
  id: 'mlc',
  title: 'MLC chat config',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets: [
    {
      label: 'MLC 4 bits',
      description: 'Groups of 32, float16',
      value: { model_type: 'llama', quantization: 'q4f16_1', context_window_size: 4096, tensor_parallel_shards: 1 },
    },
    {
      label: 'MLC 4 bits, float32',
      description: 'For devices without shader-f16',
      value: { model_type: 'llama', quantization: 'q4f32_1', context_window_size: 4096, tensor_parallel_shards: 1 },
    },
  ],
  match(fileName, root) {
    const value = root?.value;
    const named = baseName(fileName).endsWith('mlc-chat-config.json');
    return isObject(value) && (named || (typeof value['quantization'] === 'string' && isObject(value['model_config']))) ? { path: [] } : null;
  },
  lower(value, path) {
    const fields = fieldsOf(value, path);
    for (const field of [
      'scheme',
      'variant',
      'methods',
      'weights',
      'weights.bits',
      'weights.groupSize',
      'weights.dtype',
      'activations',
      'computeMethod',
      'computeDtype',
    ] as const) {
      fields.origin(field, 'quantization');
    }
    const name = fields.text('quantization') ?? '';
    const named = namedQuantization(name);
    if (named === null) {
      return { recipe: null, origins: fields.origins(), problems: [] };
    }
    const { methods, weights, activations, computeDtype } = named;
    const computeMethod = activations === null ? 'weight_only' : 'activate_quant';
    return {
      recipe: { ...baseRecipe('mlc', 'mlc', methods, weights), variant: name, activations, computeMethod, computeDtype },
      origins: fields.origins(),
      problems: [],
    };
  },
  spell: (field, value, { path }) =>
    field === 'variant' && typeof value === 'string' && namedQuantization(value) !== null
      ? [{ kind: 'set', path: [...path, 'quantization'], value }]
      : field === 'weights.bits' && (value === 3 || value === 4)
        ? [{ kind: 'set', path: [...path, 'quantization'], value: `q${value}f16_1` }]
        : [],
};
