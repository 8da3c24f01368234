// The settings of every module of a list under a recipe, at once and through the index of its names: what recipe/module-weights.ts answers for one.
import { indicesOf } from './module-patterns.ts';
import type { Recipe } from './recipe.ts';

/** Of one module: left in floating point, the recipe's own settings, or those of an override (its place, counted from 1). */
export const IGNORED = -1;
export const OWN = 0;

export function moduleSettings(recipe: Recipe, modules: readonly string[]): Int32Array {
  const settings = new Int32Array(modules.length);
  // The first override that matches wins, and `ignore` wins over all: later writes stand.
  for (let at = recipe.overrides.length - 1; at >= 0; at -= 1) {
    for (const place of indicesOf(recipe.overrides[at]?.pattern ?? '$^', modules)) settings[place] = at + 1;
  }
  for (const pattern of recipe.ignore) {
    for (const place of indicesOf(pattern, modules)) settings[place] = IGNORED;
  }
  return settings;
}
