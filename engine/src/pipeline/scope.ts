// Which modules a recipe quantizes and with which weight settings: `ignore` first, then the first `overrides` entry that matches.
// Patterns are regular expressions, anchored at the start of the full module name (model.layers.0.mlp.down_proj). Pure.
import type { Recipe, WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../errors.ts';

/** Settings of a module, or null when it stays in floating point. */
export type Scope = (module: string) => WeightRecipe | null;

/** Throws kind `config` when a pattern is not a regular expression. */
export function scopeOf(recipe: Recipe): Scope {
  const ignore = recipe.ignore.map((pattern) => anchored(pattern, 'ignore'));
  const overrides = recipe.overrides.map((override) => ({ pattern: anchored(override.pattern, 'overrides'), weights: override.weights }));
  return (module) => {
    if (ignore.some((pattern) => pattern.test(module))) return null;
    const override = overrides.find(({ pattern }) => pattern.test(module));
    return override === undefined ? recipe.weights : { ...recipe.weights, ...override.weights };
  };
}

function anchored(pattern: string, field: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('config', `${field}: "${pattern}" is not a regular expression (${why})`, { cause });
  }
}
