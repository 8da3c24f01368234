// Neural Compressor 3.x: a config class of integer activations as JSON, alone or under the name of its algorithm. Claimed by keys that no other tool has.
import { schema } from '../../generated/schema-neural-compressor-3-static.ts';
import { validate } from '../../generated/validate-neural-compressor-3-static.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { lowerStatic } from './lower.ts';

/** One of the weights and one of the activations together make the family certain. */
const WEIGHTS = ['w_dtype', 'w_sym', 'w_granularity', 'w_algo'];
const ACTIVATIONS = ['act_dtype', 'act_sym', 'act_granularity', 'act_algo'];
/** Names under which files that hold several algorithms keep these two. */
const ALGORITHMS = ['static_quant', 'smooth_quant'];
const base = {
  w_dtype: 'int8',
  w_sym: true,
  w_granularity: 'per_channel',
  w_algo: 'minmax',
  act_dtype: 'uint8',
  act_sym: false,
  act_granularity: 'per_tensor',
};

export const neuralCompressor3Static: ConfigFormat = {
  id: 'neural-compressor-3-static',
  title: 'Neural Compressor 3.x static quantization config',
  schema,
  validate,
  impliedRuntime: 'neural-compressor',
  describes: 'recipe',
  snippets: [
    { label: 'Static W8A8', description: 'Weights per channel, one calibrated scale for the inputs of every layer.', value: { ...base, act_algo: 'kl' } },
    {
      label: 'SmoothQuant W8A8',
      description: 'The outliers of the activations move into the weights first.',
      value: { ...base, act_algo: 'minmax', alpha: 0.5, folding: true },
    },
  ],
  match(_fileName, root) {
    if (!isObject(root?.value)) return null;
    const value = root.value;
    if (isStatic(value)) return { path: [] };
    const inside = ALGORITHMS.find((name) => isObject(value[name]) && isStatic(value[name]));
    return inside === undefined ? null : { path: [inside] };
  },
  lower: lowerStatic,
  spell: (field, value, { path }) => (field === 'weights.symmetric' ? [{ kind: 'set', path: [...path, 'w_sym'], value }] : []),
};

function isStatic(value: JsonObject): boolean {
  return [WEIGHTS, ACTIVATIONS].every((keys) => keys.some((key) => Object.hasOwn(value, key)));
}
