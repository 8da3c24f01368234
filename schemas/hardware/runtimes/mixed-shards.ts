// Shards that a runtime loads into one matrix (q, k, v; gate, up), quantized with different settings by overrides.
import { modulesOf } from '../../checkpoint/linears.ts';
import type { ModelShape } from '../../checkpoint/model-shape.ts';
import { moduleWeights } from '../../recipe/module-weights.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { fusedOf } from '../partition.ts';

export interface MixedShards {
  readonly first: string;
  readonly firstBits: number;
  readonly other: string;
  readonly otherBits: number;
}

/** The first matrix whose shards have different widths; null: none has. Shards that stay in floating point are another rule's. */
export function mixedShards(recipe: Recipe, model: ModelShape): MixedShards | null {
  if (recipe.overrides.length === 0) {
    return null;
  }
  const settings = moduleWeights(recipe);
  for (const [lead, ...rest] of fusedOf(model.linears)) {
    for (const [layer, first] of (lead === undefined ? [] : modulesOf(lead)).entries()) {
      for (const shard of rest) {
        const other = modulesOf(shard)[layer];
        const [a, b] = [settings(first), other === undefined ? null : settings(other)];
        if (a !== null && b !== null && other !== undefined && a.bits !== b.bits) {
          return { first, firstBits: a.bits, other, otherBits: b.bits };
        }
      }
    }
  }
  return null;
}
