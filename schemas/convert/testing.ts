// Test material: the conversions of a config, as an editor would offer them.
import { checkConfig } from '../check/check.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Conversion } from './conversion.ts';
import { conversionsOf } from './index.ts';

/** `config`: text, or an object to print. */
export function conversions(fileName: string, config: unknown, beside?: ReadonlyMap<string, string>): readonly Conversion[] {
  const text = textOf(config);
  const { tree, format, recipe, model } = checkConfig({ fileName, text, modelConfigText: null, targets: [] });
  return conversionsOf({ fileName, text, tree, format, recipe, model, ...(beside === undefined ? {} : { beside }) });
}

/** The conversion of this kind; throws with the ones there are. */
export function convert(id: string, fileName: string, config: unknown, beside?: ReadonlyMap<string, string>): Conversion {
  const all = conversions(fileName, config, beside);
  const found = all.find((one) => one.id === id);
  if (found === undefined) {
    throw new Error(`no conversion ${id}, only ${all.map((one) => one.id).join(', ') || 'none'}`);
  }
  return found;
}

export function recipeOf(fileName: string, config: unknown): Recipe {
  const { recipe } = checkConfig({ fileName, text: textOf(config), modelConfigText: null, targets: [] });
  if (recipe === null) {
    throw new Error(`no recipe in ${fileName}: ${textOf(config)}`);
  }
  return recipe;
}

function textOf(config: unknown): string {
  return typeof config === 'string' ? config : JSON.stringify(config, null, 2);
}
