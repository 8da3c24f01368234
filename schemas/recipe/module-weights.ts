// Which modules a recipe quantizes and how: `ignore` first, then the first override that matches. Patterns are regular expressions from the start
// of the full module name. A pattern that is no regular expression matches nothing here; lowering reports it.
import { plainTest } from './pattern-form.ts';
import type { ActivationRecipe, Recipe, WeightRecipe } from './recipe.ts';

/** Settings of one module, or null when it stays in floating point. */
export type ModuleWeights = (module: string) => WeightRecipe | null;

/** Answers are kept for each recipe: judges ask for the same modules again and again, and configs can hold hundreds of patterns. */
export function moduleWeights(recipe: Recipe): ModuleWeights {
  const ready = known.get(recipe);
  if (ready !== undefined) {
    return ready;
  }
  const decide = matcher(recipe);
  const answers = new Map<string, WeightRecipe | null>();
  const settings: ModuleWeights = (module) => {
    const answer = answers.get(module) ?? (answers.has(module) ? null : decide(module));
    answers.set(module, answer);
    return answer;
  };
  known.set(recipe, settings);
  return settings;
}

const known = new WeakMap<Recipe, ModuleWeights>();

function matcher(recipe: Recipe): ModuleWeights {
  const ignore = recipe.ignore.map(testOf);
  const overrides = recipe.overrides.map(({ pattern, weights }) => ({ matches: testOf(pattern), weights }));
  return (module) => {
    if (ignore.some((matches) => matches(module))) {
      return null;
    }
    const override = overrides.find(({ matches }) => matches(module));
    return override === undefined ? recipe.weights : { ...recipe.weights, ...override.weights };
  };
}

/** How the inputs of one module are quantized; null: they are not. The first override that matches the module decides, as for weights. */
export function moduleActivations(recipe: Recipe): (module: string) => ActivationRecipe | null {
  const overrides = recipe.overrides.map(({ pattern, activations }) => ({ matches: testOf(pattern), activations }));
  return (module) => {
    const own = overrides.find(({ matches }) => matches(module))?.activations;
    return own === undefined ? recipe.activations : own;
  };
}

function testOf(pattern: string): (module: string) => boolean {
  const regex = plainTest(pattern) === null ? startAnchored(pattern) : null;
  return plainTest(pattern) ?? ((module) => regex?.test(module) ?? false);
}

/** Null when the text is no regular expression. */
export function startAnchored(pattern: string): RegExp | null {
  try {
    return new RegExp(`^(?:${pattern})`);
  } catch {
    return null;
  }
}
