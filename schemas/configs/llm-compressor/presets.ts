// Schemes of recipes: the presets and groups of compressed-tensors, as weights and activations.
import type { ActivationRecipe, WeightRecipe } from '../../recipe/recipe.ts';
import type { JsonObject } from '../fields.ts';
import { activationsOf, readArgs, weightsOf } from '../hf-compressed-tensors/args.ts';
import { presetNamed, presets } from '../hf-compressed-tensors/presets.ts';

export interface Scheme {
  readonly weights: WeightRecipe;
  readonly activations: ActivationRecipe | null;
}

/** For "did you mean". */
export const PRESETS: readonly string[] = Object.keys(presets);

export function isPreset(name: string): boolean {
  return presetNamed(name) !== null;
}

/** Null: no preset, or one that leaves the weights as they are. */
export function presetScheme(name: string): Scheme | null {
  const preset = presetNamed(name);
  return preset === null ? null : schemeOf(preset);
}

/** Null: the group leaves the weights as they are, or a width or size that cannot be read. */
export function schemeOf(group: JsonObject): Scheme | null {
  const weights = readArgs(group['weights']);
  const inputs = readArgs(group['input_activations']);
  const sound = weights !== null && weights.bits <= 8 && (weights.groupSize === null || weights.groupSize === -1 || weights.groupSize > 0);
  return sound ? { weights: weightsOf(weights), activations: inputs === null ? null : activationsOf(inputs) } : null;
}
