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
