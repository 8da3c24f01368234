// What SpQR can be asked for here: its groups go evenly into blocks of 128 columns, and a size budget must leave room for codes, scales and zeros.
import type { WeightRecipe } from '../../../recipe/recipe.ts';
import { type JudgeInput, refused } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';

/** Columns that errors are moved in together (kernels/solve/spqr). */
const BLOCK = 128;
const TILE_ROWS = 16;

export function spqrVerdicts(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe } = input;
  if (recipe.methods.at(-1) !== 'spqr') return [];
  const settings = [
    { of: '', weights: recipe.weights },
    ...recipe.overrides.map(({ pattern, weights }) => ({ of: ` of "${pattern}"`, weights: { ...recipe.weights, ...weights } })),
  ];
  return settings.flatMap(({ of, weights }) => [...groups(input, weights, of), ...budget(input, weights, of)]);
}

function groups(input: JudgeInput, { groupSize }: WeightRecipe, of: string): readonly SupportVerdict[] {
  if (groupSize === -1 || BLOCK % groupSize === 0 || groupSize % BLOCK === 0) return [];
  return [
    refused(input, {
      rule: 'QW-20',
      field: of === '' ? 'weights.groupSize' : 'overrides',
      nearest: of === '' ? { field: 'weights.groupSize', value: 16, words: 'group_size 16' } : null,
      message: `Quantwright: spqr goes through columns ${BLOCK} at a time; group_size ${groupSize}${of} neither divides that nor is a multiple of it.`,
    }),
  ];
}

function budget(input: JudgeInput, { bits, groupSize }: WeightRecipe, of: string): readonly SupportVerdict[] {
  const { spqr } = input.recipe;
  if (spqr === undefined || spqr.targetBits === null) return [];
  const group = groupSize === -1 ? Number.POSITIVE_INFINITY : groupSize;
  const least = bits + (spqr.scaleBits + spqr.zeroBits) / group + 64 / (group * TILE_ROWS);
  if (spqr.targetBits >= least && spqr.targetBits <= 16) return [];
  const message = `Quantwright: target_bits ${spqr.targetBits} cannot be met${of}: ${bits}-bit codes and their quantized scales and zeros take ${Number(least.toFixed(3))} bits a weight without any outlier.`;
  return [refused(input, { rule: 'QW-21', field: 'weights.bits', message })];
}
