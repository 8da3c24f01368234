// compressed-tensors: a preset's name in config_groups ("W4A16": [targets]) <-> the group it stands for, in the place where it stands.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py :: PRESET_SCHEMES.
import { isObject, type JsonObject } from '../configs/fields.ts';
import type { Converter, Source } from './conversion.ts';
import { argumentsOf, type PresetName, presetNames, presetOf } from './preset-table.ts';

export const presetToGroups: Converter = {
  id: 'preset-to-groups',
  title: 'Write the preset out as config_groups',
  convert: (source) =>
    rewritten(source, (name, scheme) => {
      const preset = presetNames.find((one) => one === name.toUpperCase());
      return preset !== undefined && Array.isArray(scheme) ? ['group', { targets: scheme, ...argumentsOf(preset) }] : null;
    }),
};

export const groupsToPreset: Converter = {
  id: 'groups-to-preset',
  title: "Use a preset's name for config_groups",
  convert: (source) =>
    rewritten(source, (_name, scheme) => {
      const preset: PresetName | null = isObject(scheme) && Array.isArray(scheme['targets']) ? presetOf(scheme) : null;
      return preset !== null && isObject(scheme) ? [preset, scheme['targets']] : null;
    }),
};

/** Every member of config_groups that `change` knows, renamed; null when there is none, or when two would have one name. */
function rewritten(
  source: Source,
  change: (name: string, scheme: unknown) => readonly ['group' | PresetName, unknown] | null,
): ReturnType<Converter['convert']> {
  const groups = source.value['config_groups'];
  if (source.recipe.scheme !== 'compressed-tensors' || !isObject(groups)) {
    return null;
  }
  const entries = Object.entries(groups).map(([name, scheme], index) => ({ name, scheme, index, changed: change(name, scheme) }));
  const members = entries.map(({ name, scheme, index, changed }): readonly [string, unknown] =>
    changed === null ? [name, scheme] : [changed[0] === 'group' ? `group_${index}` : changed[0], changed[1]],
  );
  const distinct = new Set(members.map(([name]) => name)).size === members.length;
  if (!distinct || entries.every(({ changed }) => changed === null)) {
    return null;
  }
  const value: JsonObject = { ...source.value, config_groups: Object.fromEntries(members) };
  return { destination: { kind: 'in-place' }, value, carried: Object.keys(source.value) };
}
