// torchao in config.json: quant_type holds a config object; its old form, a name, was removed.
import { schema } from '../../generated/schema-hf-torchao.ts';
import { validate } from '../../generated/validate-hf-torchao.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ConfigFormat, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf, isObject, type JsonObject } from '../fields.ts';
import { methodFormat } from '../hf/method-format.ts';
import { configObject, INT4_GROUPS, partsOf } from './config-classes.ts';

const SOURCE = 'huggingface/transformers src/transformers/utils/quantization_config.py :: TorchAoConfig';
const DATA = ['quant_type', 'default', '_data'] as const;

export const hfTorchao: ConfigFormat = methodFormat({
  id: 'hf-torchao',
  title: 'torchao quantization_config in config.json',
  methods: ['torchao'],
  schema,
  validate,
  snippets: [
    snippet('torchao int4', 'Weights in groups of 128', 'Int4WeightOnlyConfig', { group_size: 128 }),
    snippet('torchao int8', 'Weights per channel', 'Int8WeightOnlyConfig', {}),
    snippet('torchao int8 with activations', 'Weights per channel, activations per token', 'Int8DynamicActivationInt8WeightConfig', {}),
    snippet('torchao fp8 with activations', 'GPUs from compute capability 8.9', 'Float8DynamicActivationFloat8WeightConfig', {}),
  ],
  origins: { weights: ['quant_type'], 'weights.bits': ['quant_type'], 'weights.dtype': ['quant_type'], variant: ['quant_type'], activations: ['quant_type'] },
  recipe(fields) {
    const type = objectOf(fields)?.['default'];
    const inner = fieldsOf(type, []);
    const name = inner.text('_type');
    const parts = name === null ? null : partsOf(name, inner.object('_data') ?? {});
    if (name === null || parts === null) {
      return null;
    }
    const { weights, ...rest } = parts;
    return { ...baseRecipe('hf-torchao', 'torchao', ['torchao'], weights), ...rest, variant: name };
  },
  inner(fields, path) {
    const inner = fieldsOf(objectOf(fields)?.['default'], []).object('_data');
    const data = fieldsOf(inner, [...path, ...DATA]);
    data.origin('weights.groupSize', 'group_size');
    return data.origins();
  },
  problems(fields, path) {
    const named = fields.text('quant_type');
    if (named !== null) {
      return [removedName(named, fields, path)];
    }
    const type = fields.object('quant_type');
    return type === null ? [] : Object.hasOwn(type, 'default') ? groupProblems(type, path) : [withoutDefault(type, path)];
  },
  spellings: {
    'weights.groupSize': { path: [...DATA, 'group_size'], write: (size) => (typeof size === 'number' && INT4_GROUPS.includes(size) ? size : null) },
  },
});

/** The config object; of a removed name the one it stood for, so that the other checks go on. */
function objectOf(fields: Fields): JsonObject | null {
  const named = fields.text('quant_type');
  return named === null ? fields.object('quant_type') : configObject(named, fields.object('quant_type_kwargs') ?? {});
}

function removedName(named: string, fields: Fields, path: JsonPath): LowerProblem {
  const object = configObject(named, fields.object('quant_type_kwargs') ?? {});
  const kwargs = fields.value['quant_type_kwargs'] === undefined ? [] : [{ kind: 'remove' as const, path: [...path, 'quant_type_kwargs'] }];
  return {
    code: 'QC005',
    path: [...path, 'quant_type'],
    message: `Names for torchao configs were removed; transformers refuses this one: "String-based quantization type '${named}' is no longer supported."${object === null ? ' Nothing stands for it.' : ''}`,
    source: SOURCE,
    fixes:
      object === null
        ? []
        : [
            {
              title: `Write the config object of "${named}"`,
              edits: [{ kind: 'set', path: [...path, 'quant_type'], value: object }, ...kwargs],
              preferred: true,
            },
          ],
    on: 'value',
  };
}

function withoutDefault(type: JsonObject, path: JsonPath): LowerProblem {
  const wrapped = Object.hasOwn(type, '_type');
  return {
    code: 'QC013',
    path: [...path, 'quant_type'],
    message: 'quant_type has the one key "default", which holds the config object. transformers: "Expected only one key \'default\' in quant_type dictionary".',
    source: SOURCE,
    fixes: wrapped
      ? [{ title: 'Put the config object under "default"', edits: [{ kind: 'set', path: [...path, 'quant_type'], value: { default: type } }], preferred: true }]
      : [],
  };
}

function groupProblems(type: JsonObject, path: JsonPath): readonly LowerProblem[] {
  const config = type['default'];
  const data = isObject(config) && config['_type'] === 'Int4WeightOnlyConfig' ? config['_data'] : null;
  const size = fieldsOf(data, []).integer('group_size');
  if (size === null || INT4_GROUPS.includes(size)) {
    return [];
  }
  const near = [...INT4_GROUPS].sort((a, b) => Math.abs(a - size) - Math.abs(b - size))[0] ?? 128;
  const at = [...path, ...DATA, 'group_size'];
  return [
    {
      code: 'QC013',
      path: at,
      message: `group_size is ${size}; Int4WeightOnlyConfig has kernels for 256, 128, 64 and 32.`,
      source: 'pytorch/ao torchao/quantization/quant_api.py :: Int4WeightOnlyConfig',
      fixes: [{ title: `Set "group_size" to ${near}`, edits: [{ kind: 'set', path: at, value: near }], preferred: true }],
      on: 'value',
    },
  ];
}

function snippet(label: string, description: string, type: string, data: JsonObject): { label: string; description: string; value: unknown } {
  return {
    label,
    description,
    value: { quant_method: 'torchao', quant_type: { default: { _type: type, _version: 1, _data: data } }, modules_to_not_convert: ['lm_head'] },
  };
}
