// Recipe fields -> edits of the flat form: as in hf_quant_config.json, but the group size stands in the groups, and the cache under another name.
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { spellModelopt } from '../modelopt/spell-modelopt.ts';

export const spellFlat: ConfigFormat['spell'] = (field, value, config) => {
  const edits = spellModelopt(field, value, config);
  const groups = isObject(config.value) && isObject(config.value['config_groups']) ? Object.entries(config.value['config_groups']) : [];
  if (field === 'weights.groupSize' && edits.length > 0) {
    const sized = groups.filter(([, group]) => isObject(group) && isObject(group['weights']) && Object.hasOwn(group['weights'], 'group_size'));
    const written = sized.map(([name]) => ({ kind: 'set' as const, path: [...config.path, 'config_groups', name, 'weights', 'group_size'], value }));
    return written.length > 0 ? written : edits;
  }
  if (field === 'kvCache' && edits[0]?.kind === 'set') {
    return [{ kind: 'set', path: [...config.path, 'kv_cache_scheme'], value: edits[0].value }];
  }
  return edits;
};
