// Recipe fields -> edits of the main group's weights. Presets have no keys to edit.
import type { ConfigFormat } from '../config-format.ts';
import { fieldsOf } from '../fields.ts';
import { groupsOf, mainGroup } from './groups.ts';

export const spellCompressedTensors: ConfigFormat['spell'] = (field, value, config) => {
  const main = mainGroup(groupsOf(fieldsOf(config.value, config.path), config.path));
  if (main === null || main.preset || main.weights === null) {
    return [];
  }
  const set = (key: string, to: unknown): ReturnType<ConfigFormat['spell']>[number] => ({ kind: 'set', path: [...main.path, 'weights', key], value: to });
  if (field === 'weights.groupSize' && typeof value === 'number') {
    const whole = value === -1 ? 'channel' : main.weights.strategy === 'tensor_group' ? 'tensor_group' : 'group';
    return [set('strategy', whole), set('group_size', value === -1 ? null : value)];
  }
  if (field === 'weights.bits') {
    return [set('num_bits', value)];
  }
  return field === 'weights.symmetric' && !main.weights.float ? [set('symmetric', value)] : [];
};
