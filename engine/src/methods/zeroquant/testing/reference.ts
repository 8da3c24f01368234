// Test support: schemes of ZeroQuant's rounding, and what its reference is computed with.
import { baseRecipe } from '@quantwright/schemas/recipe/base-recipe';
import type { ModuleScheme } from '../../method.ts';

export function zeroquantScheme(bits: number, symmetric: boolean, quantizeGroups: number | null): ModuleScheme {
  const recipe = baseRecipe('quantwright', 'zeroquant', ['zeroquant'], { bits, symmetric, signed: symmetric, zeroPoint: symmetric ? 'none' : 'integer' });
  return {
    weights: recipe.weights,
    dialect: 'zeroquant',
    mseSearch: false,
    fullRange: false,
    scaleType: 'f32',
    recipe: { ...recipe, zeroquant: { quantizeGroups, lkd: null } },
  };
}

/** To the nearest integer, ties to the even one. */
export function halfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

/** Uniform in [-0.9, 1.1). */
export function drawn(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 0.9;
  });
}
