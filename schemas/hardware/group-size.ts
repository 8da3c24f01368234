// The divisibility verdict in words: which linears, what the largest group is that works, and up to which tensor-parallel size.

import type { Recipe } from '../recipe/recipe.ts';
import { dividesAll, largestGroup, largestSplit, type Piece, piecesOf, piecesWords, undivided } from './divisibility.ts';
import { type JudgeInput, type Reason, targetName } from './judge.ts';
import type { Nearest } from './verdict.ts';

/** Group sizes kernels of this field come in; the candidates where a runtime has no list of its own. */
export const USUAL_GROUPS: readonly number[] = [-1, 16, 32, 64, 128, 256, 512];

/** AutoAWQ makes no per-channel weights, and its files cannot say them (issue 578). */
function sayable(recipe: Recipe, legal: readonly number[]): readonly number[] {
  return recipe.scheme === 'awq' ? legal.filter((groupSize) => groupSize > 0) : legal;
}

/** Null when the group size divides the K of every quantized linear on every device. `sizes`: what else the runtime asks of a group size. */
export function groupProblem(input: JudgeInput, rule: string, sizes: readonly number[]): Reason | null {
  const { recipe, model, target } = input;
  const legal = sayable(recipe, sizes);
  if (model === null) {
    return null;
  }
  const pieces = piecesOf(recipe, model, target.tensorParallel);
  const failing = undivided(pieces);
  const [first] = failing;
  if (first === undefined) {
    return null;
  }
  const group = model.heads % target.tensorParallel === 0 ? groupNearest(pieces, failing, legal) : null;
  return {
    rule,
    field: groupField(first),
    nearest: group,
    message: `${targetName(input)}: ${undividedWords(first, failing, target.tensorParallel)}${advice(input, group ?? overrideWorks(first, failing, legal))}`,
    words: { group: first.weights.groupSize, k: first.k, tensor: `${first.module}.weight` },
  };
}

/** What an override could say instead, for the message alone. */
function overrideWorks(first: Piece, failing: readonly Piece[], legal: readonly number[]): Nearest | null {
  const alike = failing.filter((piece) => groupOf(piece) === groupOf(first)).map((piece) => ({ ...piece, overridden: false }));
  return first.overridden ? asNearest(largestGroup(alike, legal)) : null;
}

/** Where the group size of a piece is written. */
export function groupField(piece: Piece): 'overrides' | 'weights.groupSize' {
  return piece.overridden ? 'overrides' : 'weights.groupSize';
}

/** `group_size 128 does not divide down_proj K = 29568 / tp 4 = 7392`: of the failing pieces those with the first one's group size. */
export function undividedWords(first: Piece, failing: readonly Piece[], tensorParallel: number): string {
  const split = Number.isInteger(first.k);
  const alike = failing.filter((piece) => Number.isInteger(piece.k) === split && (!split || groupOf(piece) === groupOf(first)));
  const named = piecesWords(alike, tensorParallel);
  return `${split ? groupOf(first) : `tensor parallel ${tensorParallel}`} does not divide ${named}`;
}

function groupOf({ overridden, weights }: Piece): string {
  return overridden ? `group size ${weights.groupSize} of an override` : `group_size ${weights.groupSize}`;
}

/** The largest group size that works when the recipe's own is at fault; an override's cannot be changed through the recipe's field. */
export function groupNearest(pieces: readonly Piece[], failing: readonly Piece[], legal: readonly number[]): Nearest | null {
  return failing.some((piece) => piece.overridden) ? null : asNearest(largestGroup(pieces, legal));
}

/** The legal size closest to `wanted` that divides the model's K (where a model is known), the larger one on a tie; -1 only when no other does. */
export function groupClosest({ recipe, model, target }: JudgeInput, legal: readonly number[], wanted: number): Nearest | null {
  const pieces = model === null ? [] : piecesOf(recipe, model, target.tensorParallel).filter((piece) => !piece.overridden);
  const distance = (size: number): number => (size === -1 ? Number.MAX_SAFE_INTEGER : Math.abs(size - wanted));
  const [value] = sayable(recipe, legal)
    .filter((size) => dividesAll(pieces, size))
    .sort((a, b) => distance(a) - distance(b) || b - a);
  return asNearest(value ?? null);
}

function asNearest(value: number | null): Nearest | null {
  return value === null ? null : { field: 'weights.groupSize', value, words: groupWords(value) };
}

export function groupWords(groupSize: number): string {
  return groupSize === -1 ? 'group_size -1 (per channel)' : `group_size ${groupSize}`;
}

function advice(input: JudgeInput, group: Nearest | null): string {
  const { recipe, model, target } = input;
  const split = model !== null && target.tensorParallel > 1 ? largestSplit(recipe, model, target.tensorParallel) : null;
  const at = target.tensorParallel > 1 ? ` at tp ${target.tensorParallel}` : '';
  const works = group === null ? [] : [group.value === -1 ? `only ${group.words} works${at}` : `the largest that works${at} is ${group.words}`];
  const parts = [...(split === null ? [] : [`largest working tp is ${split}`]), ...works];
  return parts.length === 0 ? '.' : `; ${parts.join('; ')}.`;
}
