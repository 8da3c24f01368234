// Options of the transforms (methods that rescale channels before others round) in a customized quant config, with their defaults.
import type { AwqRecipe, QuantMethod, SmoothQuantRecipe } from '../../recipe/recipe.ts';
import { type Fields, fieldsOf } from '../fields.ts';

/** Methods that leave the rounding to the one behind them, or to plain rounding. */
export const TRANSFORMS: readonly QuantMethod[] = ['smoothquant', 'awq'];

export interface TransformRecipes {
  readonly smoothquant?: SmoothQuantRecipe;
  readonly awq?: AwqRecipe;
}

/** Only of the methods that are named. */
export function readTransforms(fields: Fields, methods: readonly QuantMethod[]): TransformRecipes {
  return {
    ...(methods.includes('smoothquant') ? { smoothquant: { alpha: fieldsOf(fields.object('smoothquant'), []).number('alpha') ?? 0.5 } } : {}),
    ...(methods.includes('awq') ? { awq: readAwq(fields) } : {}),
  };
}

/** AutoAWQ's names and defaults (awq/quantize/quantizer.py :: AwqQuantizer). */
function readAwq(fields: Fields): AwqRecipe {
  return {
    duoScaling: fields.boolean('duo_scaling') ?? true,
    applyClip: fields.boolean('apply_clip') ?? true,
    grid: fields.integer('n_grid') ?? 20,
    maxShrink: fields.number('max_shrink') ?? 0.5,
  };
}
