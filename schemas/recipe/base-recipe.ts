// Recipes of other tools' files start here: what those files do not say has one filling, in one place.
import type { QuantMethod, Recipe, WeightRecipe } from './recipe.ts';

/** Integer codes, symmetric, per channel: the settings a lowering then changes. */
export const plainWeights: WeightRecipe = {
  dtype: 'int',
  bits: 8,
  signed: true,
  symmetric: true,
  groupSize: -1,
  zeroPoint: 'none',
  descAct: false,
  staticGroups: false,
};

/** A weight-only recipe of a layout that our engine does not write. */
export function baseRecipe(format: string, scheme: string, methods: readonly QuantMethod[], weights: Partial<WeightRecipe>): Recipe {
  return {
    format,
    scheme,
    variant: null,
    methods,
    weights: { ...plainWeights, ...weights },
    activations: null,
    computeMethod: 'weight_only',
    ignore: [],
    overrides: [],
    dialect: null,
    mseSearch: false,
    fullRange: false,
    dampPercent: 0.01,
    trueSequential: false,
    calibration: null,
    saveFormat: null,
    scaleType: 'f16',
    memoryLimitBytes: null,
    kvCache: null,
    computeDtype: null,
  };
}
