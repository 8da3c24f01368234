// compressed-tensors: a preset's name in config_groups ("W4A16": [targets]) <-> the group it stands for, in the place where it stands.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py :: PRESET_SCHEMES.
import { isObject, type JsonObject } from '../configs/fields.ts';
import { presetNamed } from '../configs/hf-compressed-tensors/presets.ts';
import type { Converter, Source } from './conversion.ts';
import { presetOf } from './preset-table.ts';

export const presetToGroups: Converter = {
  id: 'preset-to-groups',
  title: 'Write the preset out as config_groups',
  convert: (source) =>
    rewritten(source, (name, scheme) => {
      const preset = presetNamed(name);
      return preset !== null && Array.isArray(scheme) ? { name: null, value: { targets: scheme, ...preset } } : null;
    }),
};

export const groupsToPreset: Converter = {
  id: 'groups-to-preset',
  title: "Use a preset's name for config_groups",
  convert: (source) =>
    rewritten(source, (_name, scheme) => {
      const preset = isObject(scheme) && Array.isArray(scheme['targets']) ? presetOf(scheme) : null;
      return preset !== null && isObject(scheme) ? { name: preset, value: scheme['targets'] } : null;
    }),
};

interface Changed {
  /** Null: a group's own name, by its number. */
  readonly name: string | null;
  readonly value: unknown;
}

/** Every member of config_groups that `change` knows, renamed; null when there is none, or when two would have one name. */
function rewritten(source: Source, change: (name: string, scheme: unknown) => Changed | null): ReturnType<Converter['convert']> {
  const groups = source.value['config_groups'];
  if (source.recipe.scheme !== 'compressed-tensors' || !isObject(groups)) {
    return null;
  }
  const entries = Object.entries(groups).map(([name, scheme], index) => ({ name, scheme, index, changed: change(name, scheme) }));
  const members = entries.map(({ name, scheme, index, changed }): readonly [string, unknown] =>
    changed === null ? [name, scheme] : [changed.name ?? `group_${index}`, changed.value],
  );
  const distinct = new Set(members.map(([name]) => name)).size === members.length;
  if (!distinct || entries.every(({ changed }) => changed === null)) {
    return null;
  }
  const value: JsonObject = { ...source.value, config_groups: Object.fromEntries(members) };
  return { destination: { kind: 'in-place' }, value, carried: Object.keys(source.value) };
}
