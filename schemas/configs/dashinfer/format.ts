// DashInfer's customized quant config, kept in a JSON file of any name: recognised by its keys.
import { schema } from '../../generated/schema-dashinfer.ts';
import { validate } from '../../generated/validate-dashinfer.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { lowerCustomized } from '../quantwright/lower.ts';
import { spellCustomized } from '../quantwright/spell.ts';

export const dashinfer: ConfigFormat = {
  id: 'dashinfer',
  title: 'DashInfer customized quant config',
  schema,
  validate,
  impliedRuntime: 'dashinfer',
  describes: 'recipe',
  snippets: [
    {
      label: 'DashInfer A16W8',
      description: '8-bit weights per channel, 16-bit activations',
      value: { quant_method: 'instant_quant', weight_format: 'int8', compute_method: 'weight_only' },
    },
    {
      label: 'DashInfer A16W4',
      description: '4-bit weights in groups of 128, 16-bit activations',
      value: { quant_method: 'instant_quant', weight_format: 'uint4', compute_method: 'weight_only', group_size: 128 },
    },
    {
      label: 'DashInfer A8W8',
      description: '8-bit weights and activations; GPUs from Turing on',
      value: { quant_method: 'instant_quant', weight_format: 'int8', compute_method: 'activate_quant' },
    },
    {
      label: 'DashInfer FP8',
      description: '8-bit floats; GPUs from compute capability 8.9 on',
      value: { quant_method: 'instant_quant', weight_format: 'fp8_e4m3', compute_method: 'activate_quant' },
    },
  ],
  match(_fileName, root) {
    const value = root?.value;
    if (!isObject(value)) {
      return null;
    }
    const has = (key: string): boolean => Object.hasOwn(value, key);
    const method = value['quant_method'];
    const named = method === 'instant_quant' || method === 'iq';
    const shaped = has('weight_format') && (has('compute_method') || has('group_settings') || has('quant_method') || has('activate_format'));
    return named || shaped ? { path: [] } : null;
  },
  lower: (value, path) => lowerCustomized('dashinfer', value, path),
  spell: (field, value, config) => spellCustomized('shared', field, value, config),
};
