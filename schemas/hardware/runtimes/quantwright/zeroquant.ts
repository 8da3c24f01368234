// What ZeroQuant can be asked for here: codes around 0 of 1 and 2 bits, parts of the flat matrix that end where groups of columns do, and a layout that holds them.
import type { ModelShape } from '../../../checkpoint/model-shape.ts';
import { flatParts } from '../../../recipe/flat-groups.ts';
import { chosenBlocks } from '../../../recipe/lkd-blocks.ts';
import type { WeightRecipe } from '../../../recipe/recipe.ts';
import { linearName, piecesWithHead } from '../../divisibility.ts';
import { type JudgeInput, refused } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';

export function zeroquantVerdicts(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe, model } = input;
  if (recipe.methods.at(-1) !== 'zeroquant') return [];
  const settings = [
    { of: '', weights: recipe.weights },
    ...recipe.overrides.map(({ pattern, weights }) => ({ of: ` of "${pattern}"`, weights: { ...recipe.weights, ...weights } })),
  ];
  return [
    ...settings.flatMap(({ of, weights }) => around0(input, weights, of)),
    ...settings.flatMap(({ of, weights }) => signsBehind(input, weights, of)),
    ...settings.flatMap(({ of, weights }) => oneGrouping(input, weights, of)).slice(0, 1),
    ...(model === null ? [] : [...parts(input, model), ...blocks(input, model)]),
    ...layout(
      input,
      settings.map(({ weights }) => weights),
    ),
  ];
}

function around0(input: JudgeInput, { bits, symmetric }: WeightRecipe, of: string): readonly SupportVerdict[] {
  if (bits > 2 || symmetric) return [];
  return [
    refused(input, {
      rule: 'QW-30',
      field: of === '' ? 'weights.symmetric' : 'overrides',
      nearest: of === '' ? { field: 'weights.symmetric', value: true, words: 'symmetric true' } : null,
      message: `Quantwright: zeroquant rounds ${bits}-bit weights${of} around 0 only (${bits === 1 ? 'signs' : 'ternary'}); use symmetric true.`,
    }),
  ];
}

/** Transforms that search or learn by rounding do so with codes of 2 bits and more. */
function signsBehind(input: JudgeInput, { bits }: WeightRecipe, of: string): readonly SupportVerdict[] {
  const before = input.recipe.methods.find((method) => method === 'awq' || method === 'teq');
  if (bits > 1 || before === undefined) return [];
  return [
    refused(input, {
      rule: 'QW-30',
      field: of === '' ? 'weights.bits' : 'overrides',
      nearest: of === '' ? { field: 'weights.bits', value: 2, words: '2-bit weights' } : null,
      message: `Quantwright: ${before} tries roundings to codes of 2 bits and more, and zeroquant's 1-bit weights${of} are signs; use weight_format int2, or leave ${before} out.`,
    }),
  ];
}

function oneGrouping(input: JudgeInput, { groupSize }: WeightRecipe, of: string): readonly SupportVerdict[] {
  const asked = input.recipe.zeroquant?.quantizeGroups ?? null;
  if (asked === null || groupSize === -1) return [];
  return [
    refused(input, {
      rule: 'QW-31',
      field: of === '' ? 'weights.groupSize' : 'overrides',
      nearest: of === '' ? { field: 'weights.groupSize', value: -1, words: 'group_size -1' } : null,
      message: `Quantwright: quantize_groups ${asked} and group_size ${groupSize}${of} both say which weights share a scale; leave one of them out.`,
    }),
  ];
}

/** The first linear that cannot be cut into so many parts. */
function parts(input: JudgeInput, model: ModelShape): readonly SupportVerdict[] {
  const asked = input.recipe.zeroquant?.quantizeGroups ?? null;
  if (asked === null) return [];
  for (const { linear } of piecesWithHead(input.recipe, model)) {
    const cut = flatParts(asked, linear.out, linear.in);
    if (typeof cut === 'string')
      return [refused(input, { rule: 'QW-32', field: 'zeroquant.quantizeGroups', message: `Quantwright: ${linearName(linear)}: ${cut}.` })];
  }
  return [];
}

/** A block that is to be trained and is not there. */
function blocks(input: JudgeInput, { layers }: ModelShape): readonly SupportVerdict[] {
  const lkd = input.recipe.zeroquant?.lkd ?? null;
  const chosen = lkd === null ? [] : chosenBlocks(lkd, layers);
  return typeof chosen === 'string' ? [refused(input, { rule: 'QW-33', field: 'zeroquant.lkd', message: `Quantwright: ${chosen}.` })] : [];
}

/** Zero points lie anywhere, and signs are planes: others hold symmetric codes of 2 bits and more only, and none of them says how activations are rounded. */
function layout(input: JudgeInput, settings: readonly WeightRecipe[]): readonly SupportVerdict[] {
  const { saveFormat, activations } = input.recipe;
  if (saveFormat === null || saveFormat === 'quantwright') return [];
  const what = activations !== null ? 'the activations' : settings.some(({ bits }) => bits === 1) ? 'signs' : 'the zero points';
  if (activations === null && settings.every(({ bits, symmetric }) => bits > 1 && symmetric)) return [];
  return [
    refused(input, {
      rule: 'QW-05',
      field: 'saveFormat',
      nearest: { field: 'saveFormat', value: 'quantwright', words: 'save_format quantwright' },
      message: `Quantwright: the ${saveFormat} layout cannot say ${what} of zeroquant; use save_format quantwright.`,
    }),
  ];
}
