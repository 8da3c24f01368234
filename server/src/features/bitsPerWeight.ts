// Bits that one weight really takes, with its share of the scales and zero points: the same numbers as the estimate of the memory.
import { scaleBitsPerWeight } from '@quantwright/schemas/hardware/memory';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';

export interface BitsPerWeight {
  readonly bits: number;
  /** "4 + 20 / 128": what it is made of. */
  readonly sum: string;
}

/**
 * `rowLength`: K of the linears, for scales per channel; null when no model is known. Null where the overhead is not known: codebooks, and 4-bit
 * floats of others than bitsandbytes.
 */
export function bitsPerWeight(recipe: Recipe, rowLength: number | null): BitsPerWeight | null {
  const { weights } = recipe;
  const small = weights.dtype === 'nf4' || weights.dtype === 'fp4';
  if (weights.dtype === 'codebook' || (small && recipe.scheme !== 'bitsandbytes' && recipe.tableDialect === undefined)) return null;
  if (recipe.methods.includes('qrazor')) return razored(recipe, rowLength);
  const sharing = weights.block ? weights.block[0] * weights.block[1] : weights.groupSize > 0 ? weights.groupSize : rowLength;
  if (sharing === null) return null;
  const scales = scaleBitsPerWeight(recipe, { in: sharing, out: 1 }, weights);
  return { bits: weights.bits + scales, sum: `${weights.bits} + ${Number((scales * sharing).toFixed(3))} / ${sharing}` };
}

/** Shifts belong to groups, scales to rows. */
function razored(recipe: Recipe, rowLength: number | null): BitsPerWeight | null {
  if (rowLength === null) return null;
  const { bits, groupSize } = recipe.weights;
  const scales = scaleBitsPerWeight(recipe, { in: rowLength, out: 1 }, recipe.weights);
  return { bits: bits + scales, sum: `${bits} + ${recipe.qrazor?.baseBits === 16 ? 4 : 3} / ${groupSize} + 32 / ${rowLength}` };
}
