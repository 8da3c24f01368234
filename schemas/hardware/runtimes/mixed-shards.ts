// Shards that a runtime loads into one matrix (q, k, v; gate, up), quantized differently by overrides or by ignore.
import { modulesOf } from '../../checkpoint/linears.ts';
import type { ModelShape } from '../../checkpoint/model-shape.ts';
import { moduleWeights } from '../../recipe/module-weights.ts';
import type { Recipe, WeightRecipe } from '../../recipe/recipe.ts';
import { fusedOf } from '../partition.ts';

export interface MixedShards {
  readonly first: string;
  readonly other: string;
  /** `4 bits`, `floating point`: what each has. */
  readonly firstHas: string;
  readonly otherHas: string;
}

/** The first matrix whose shards have different widths, or of which `ignore` names only some where `ignored` asks for that; null: none. */
export function mixedShards(recipe: Recipe, model: ModelShape, ignored: boolean): MixedShards | null {
  if (recipe.overrides.length + (ignored ? recipe.ignore.length : 0) === 0) {
    return null;
  }
  const settings = moduleWeights(recipe);
  for (const [lead, ...rest] of fusedOf(model.linears)) {
    for (const [layer, first] of (lead === undefined ? [] : modulesOf(lead)).entries()) {
      for (const shard of rest) {
        const other = modulesOf(shard)[layer];
        const [a, b] = [settings(first), other === undefined ? null : settings(other)];
        if (other !== undefined && a?.bits !== b?.bits && (ignored || (a !== null && b !== null))) {
          return { first, other, firstHas: has(a), otherHas: has(b) };
        }
      }
    }
  }
  return null;
}

function has(weights: WeightRecipe | null): string {
  return weights === null ? 'floating point' : `${weights.bits} bits`;
}
