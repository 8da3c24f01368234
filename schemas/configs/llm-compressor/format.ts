// Recipes of llm-compressor (recipe.yaml, recipe.json): stages that hold modifiers.
import type { Edit } from '../../check/finding.ts';
import { languageOf } from '../../document/parse.ts';
import { schema } from '../../generated/schema-llm-compressor.ts';
import { validate } from '../../generated/validate-llm-compressor.ts';
import type { ConfigFormat } from '../config-format.ts';
import { firstGroup, presetsIn } from './groups.ts';
import { lowerRecipe, quantizingModifier } from './lower.ts';
import { groupsOf } from './modifiers.ts';
import { snippets } from './snippets.ts';

export const llmCompressor: ConfigFormat = {
  id: 'llm-compressor',
  title: 'llm-compressor recipe',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'recipe',
  snippets,
  match(fileName, root) {
    // Recipes are YAML (compressed-tensors writes the result as JSON); looking for modifiers in a large JSON file would cost more than it finds.
    if (languageOf(fileName) !== 'yaml') {
      return null;
    }
    const groups = groupsOf(root?.value, []);
    return groups.some(({ members, read }) => read || Object.keys(members).some((name) => name.endsWith('Modifier'))) ? { path: [] } : null;
  },
  lower: lowerRecipe,
  /** Presets are whole; only config_groups say single things. */
  spell(field, value, { value: recipe, path }) {
    const modifier = quantizingModifier(recipe, path);
    const group = modifier === null || presetsIn(modifier.fields).length > 0 ? null : firstGroup(modifier.fields);
    if (modifier === null || group === null) {
      return [];
    }
    const args = [...modifier.path, 'config_groups', group.name, 'weights'];
    const set = (key: string, to: unknown): Edit => ({ kind: 'set', path: [...args, key], value: to });
    switch (field) {
      case 'weights.bits':
        return [set('num_bits', value)];
      case 'weights.symmetric':
        return [set('symmetric', value)];
      case 'weights.groupSize':
        return value === -1
          ? [set('strategy', 'channel'), { kind: 'remove', path: [...args, 'group_size'] }]
          : [set('strategy', 'group'), set('group_size', value)];
      default:
        return [];
    }
  },
};
