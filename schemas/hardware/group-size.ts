// The divisibility verdict in words: which linears, what the largest group is that works, and up to which tensor-parallel size.

import { dividesAll, largestGroup, largestSplit, type Piece, piecesOf, piecesWords, undivided } from './divisibility.ts';
import { type JudgeInput, type Reason, targetName } from './judge.ts';
import type { Nearest } from './verdict.ts';

/** Group sizes kernels of this field come in; the candidates where a runtime has no list of its own. */
export const USUAL_GROUPS: readonly number[] = [-1, 16, 32, 64, 128, 256, 512];

/** Null when the group size divides the K of every quantized linear on every device. `legal`: what else the runtime asks of a group size. */
export function groupProblem(input: JudgeInput, rule: string, legal: readonly number[]): Reason | null {
  const { recipe, model, target } = input;
  if (model === null) {
    return null;
  }
  const pieces = piecesOf(recipe, model, target.tensorParallel);
  const failing = undivided(pieces);
  const [first] = failing;
  if (first === undefined) {
    return null;
  }
  const group = groupNearest(pieces, failing, legal);
  const groupSize = first.weights.groupSize;
  return {
    rule,
    field: 'weights.groupSize',
    nearest: group,
    message: `${targetName(input)}: ${opening(first, failing, target.tensorParallel)}${advice(input, group)}`,
    words: { group: groupSize, tensor: `${first.module}.weight` },
  };
}

/** The nearest group size when the recipe's own is at fault; an override's cannot be changed through the recipe's field. */
export function groupNearest(pieces: readonly Piece[], failing: readonly Piece[], legal: readonly number[]): Nearest | null {
  const value = failing.some((piece) => piece.overridden) ? null : largestGroup(pieces, legal);
  return value === null ||
    !dividesAll(
      pieces.filter((piece) => !piece.overridden),
      value,
    )
    ? null
    : { field: 'weights.groupSize', value, words: groupWords(value) };
}

export function groupWords(groupSize: number): string {
  return groupSize === -1 ? 'group_size -1 (per channel)' : `group_size ${groupSize}`;
}

function opening(first: Piece, failing: readonly Piece[], tensorParallel: number): string {
  const named = piecesWords(failing, tensorParallel);
  return Number.isInteger(first.k)
    ? `group_size ${first.weights.groupSize} does not divide ${named}`
    : `tensor parallel ${tensorParallel} does not divide ${named}`;
}

function advice(input: JudgeInput, group: Nearest | null): string {
  const { recipe, model, target } = input;
  const split = model !== null && target.tensorParallel > 1 ? largestSplit(recipe, model, target.tensorParallel) : null;
  const at = target.tensorParallel > 1 ? ` at tp ${target.tensorParallel}` : '';
  const parts = [...(split === null ? [] : [`largest working tp is ${split}`]), ...(group === null ? [] : [`the largest that works${at} is ${group.words}`])];
  return parts.length === 0 ? '.' : `; ${parts.join('; ')}.`;
}
