// Weights that remember whose they are: which module a linear of a program was read for.
import type { Weight } from '@quantwright/native/binding';
import type { ModelWeights } from './weights.ts';

export interface NamedWeights extends ModelWeights {
  /** The module of a linear that was read through this. */
  moduleOf(weight: Weight): string | undefined;
}

/** The same weights, noting the module of each. */
export function namedWeights(weights: ModelWeights): NamedWeights {
  const modules = new Map<Weight, string>();
  const noting: (read: ModelWeights['linear']) => ModelWeights['linear'] = (read) => async (module, rows, cols, bias) => {
    const linear = await read(module, rows, cols, bias);
    modules.set(linear.weight, module);
    return linear;
  };
  return { ...weights, linear: noting(weights.linear), transposedLinear: noting(weights.transposedLinear), moduleOf: (weight) => modules.get(weight) };
}
