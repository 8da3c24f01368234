// The modifiers of a recipe in their order: <name>_stage -> <group>_modifiers -> class of the modifier -> its settings.
import type { JsonPath } from '../../recipe/origin.ts';
import { type Fields, fieldsOf, isObject } from '../fields.ts';

export const SOURCE = 'vllm-project/llm-compressor src/llmcompressor/recipe/recipe.py';

/** Classes that a recipe file may name. Source: vllm-project/llm-compressor src/llmcompressor/modifiers/**. */
export const MODIFIERS: readonly string[] = [
  'QuantizationModifier',
  'GPTQModifier',
  'AWQModifier',
  'SmoothQuantModifier',
  'AutoRoundModifier',
  'LogarithmicEqualizationModifier',
  'QuIPModifier',
  'SpinQuantModifier',
  'SparseGPTModifier',
  'WandaPruningModifier',
  'MagnitudePruningModifier',
  'ConstantPruningModifier',
  'REAPPruningModifier',
];
/** Those that quantize; the others prepare or prune. */
export const QUANTIZING: readonly string[] = ['QuantizationModifier', 'GPTQModifier', 'AutoRoundModifier'];

export interface Modifier {
  readonly name: string;
  readonly path: JsonPath;
  readonly fields: Fields;
}

export function modifiersOf(recipe: unknown, path: JsonPath): readonly Modifier[] {
  return groupsOf(recipe, path)
    .filter(({ read }) => read)
    .flatMap(({ path: place, members }) =>
      Object.entries(members).map(([name, settings]) => ({ name, path: [...place, name], fields: fieldsOf(settings, [...place, name]) })),
    );
}

export interface ModifierGroup {
  readonly path: JsonPath;
  readonly members: Readonly<Record<string, unknown>>;
  /** Both names end as the tool wants them; else it passes the group over. */
  readonly read: boolean;
}

/** Every object that holds modifiers, also those under names that the tool does not look at. */
export function groupsOf(recipe: unknown, path: JsonPath): readonly ModifierGroup[] {
  const stages = Object.entries(isObject(recipe) ? recipe : {});
  return stages.flatMap(([stage, groups]) =>
    Object.entries(isObject(groups) ? groups : {}).flatMap(([group, members]) => {
      const holds = isObject(members) && (group.endsWith('_modifiers') || Object.keys(members).some((name) => name.endsWith('Modifier')));
      return holds ? [{ path: [...path, stage, group], members, read: stage.endsWith('_stage') && group.endsWith('_modifiers') }] : [];
    }),
  );
}
