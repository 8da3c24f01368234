// The layout in which our engine writes what a recipe makes; for the judge and the engine.
import type { Recipe, SaveFormat } from './recipe.ts';

/** Null: one that only other tools write. A config of DeepSpeed says how to train and not how to store, so our own layout holds its weights. */
export function writtenLayout({ saveFormat, scheme }: Pick<Recipe, 'saveFormat' | 'scheme'>): SaveFormat | null {
  return saveFormat ?? (scheme === 'deepspeed' ? 'quantwright' : null);
}
