// The only judge: may this recipe run on this target? Used by the language server, the command line and the engine alike.
import type { ModelShape } from '../checkpoint/model-shape.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { findRuntime } from './runtimes/index.ts';
import type { Target } from './target.ts';
import type { SupportVerdict } from './verdict.ts';

/** `quantize`: make the weights. `run`: load weights that are quantized already. */
export type Intent = 'quantize' | 'run';

/** At least one verdict, the decisive one first. `intent` left out: what the config's format is for. */
export function explainSupport(recipe: Recipe, model: ModelShape | null, target: Target, intent?: Intent): readonly SupportVerdict[] {
  return [noRow(target)];
}

function noRow(target: Target): SupportVerdict {
  const name = findRuntime(target.runtime)?.name ?? target.runtime;
  return {
    kind: 'unknown', rule: 'NO-ROW', target, field: 'methods', runtimeWords: null, source: 'schemas/hardware/runtimes', versions: null, nearest: null,
    message: `There are no support rows for ${name} yet, so nothing is said about it.`,
  };
}
