// What the written layouts can hold (algorithms section 18). Our own holds everything; the others have limits of form and of size.
import type { Recipe, WeightRecipe } from '../../../recipe/recipe.ts';
import { type Piece, piecesWithHead, piecesWords, undivided } from '../../divisibility.ts';
import { groupNearest, groupWords, USUAL_GROUPS } from '../../group-size.ts';
import { fallsBack, type JudgeInput, refused } from '../../judge.ts';
import type { Nearest, SupportVerdict } from '../../verdict.ts';

/** Words of 32 bits hold whole runs of codes along K (qweight) and along N (qzeros). */
const GPTQ_MULTIPLE = 32;
const OWN: Nearest = { field: 'saveFormat', value: 'quantwright', words: 'save_format quantwright' };

export function layoutVerdicts(input: JudgeInput): readonly SupportVerdict[] {
  const { saveFormat } = input.recipe;
  if (saveFormat === 'quantwright') {
    return [];
  }
  const pieces = input.model === null ? [] : piecesWithHead(input.recipe, input.model);
  const own = saveFormat === 'compressed-tensors' ? compressedTensors(input, pieces) : gptq(input, pieces);
  return own.some((verdict) => verdict.kind === 'refused') ? own : [...own, ...roundedZeros(input)];
}

function gptq(input: JudgeInput, pieces: readonly Piece[]): readonly SupportVerdict[] {
  const { recipe } = input;
  if (recipe.activations !== null) {
    const packable = recipe.dialect !== 'instant_quant' && oddWidth(recipe) === null;
    const nearest: Nearest = packable ? { field: 'saveFormat', value: 'compressed-tensors', words: 'save_format compressed-tensors' } : OWN;
    return [
      refused(input, {
        rule: 'QW-05',
        field: 'saveFormat',
        nearest,
        message: `Quantwright: the ${recipe.saveFormat} layout is weight-only; with activate_quant use ${nearest.words}.`,
      }),
    ];
  }
  const odd = pieces.filter(({ linear }) => linear.in % GPTQ_MULTIPLE !== 0 || linear.out % GPTQ_MULTIPLE !== 0);
  if (odd.length === 0) {
    return [];
  }
  const named = [...new Set(odd.map(({ linear }) => `${linear.kind} [${linear.out}, ${linear.in}]`))].join(', ');
  return [
    refused(input, {
      rule: 'QW-04',
      field: 'saveFormat',
      nearest: OWN,
      message: `Quantwright: the ${recipe.saveFormat} layout needs rows and columns in multiples of ${GPTQ_MULTIPLE}, which ${named} are not; save_format quantwright holds them.`,
    }),
  ];
}

function compressedTensors(input: JudgeInput, pieces: readonly Piece[]): readonly SupportVerdict[] {
  const { recipe } = input;
  const odd = oddWidth(recipe);
  if (odd !== null) {
    return [
      refused(input, {
        rule: 'QW-05',
        field: 'saveFormat',
        nearest: OWN,
        message: `Quantwright: ${odd}-bit codes have two incompatible packings in compressed-tensors; use 2, 4 or 8 bits, or save_format quantwright.`,
      }),
    ];
  }
  if (recipe.methods.includes('gptq') && settingsOf(recipe, pieces).some((weights) => weights.descAct && !weights.staticGroups && weights.groupSize !== -1)) {
    return [
      refused(input, {
        rule: 'QW-09',
        field: 'weights.descAct',
        nearest: { field: 'weights.descAct', value: false, words: 'desc_act false' },
        message:
          'Quantwright: the compressed-tensors layout is written with groups in the order of columns, so desc_act needs static_groups; use desc_act false, static_groups true, or save_format gptq.',
      }),
    ];
  }
  const failing = recipe.activations === null ? undivided(pieces) : [];
  const [first] = failing;
  if (first === undefined) {
    return [];
  }
  const named = piecesWords(failing, 1);
  const nearest = groupNearest(pieces, failing, USUAL_GROUPS) ?? OWN;
  return [
    refused(input, {
      rule: 'QW-13',
      field: 'weights.groupSize',
      nearest,
      message: `Quantwright: compressed-tensors has groups of one length, and ${groupWords(first.weights.groupSize)} does not divide ${named}; use ${nearest.words}${nearest === OWN ? '' : ' or save_format quantwright'}.`,
    }),
  ];
}

/** Of the model's linears; without a model, of the recipe and every override. */
function settingsOf(recipe: Recipe, pieces: readonly Piece[]): readonly WeightRecipe[] {
  if (pieces.length > 0) return pieces.map(({ weights }) => weights);
  return [recipe.weights, ...recipe.overrides.map(({ weights }) => ({ ...recipe.weights, ...weights }))];
}

/** The first width, of the recipe or an override, that has no single packing in compressed-tensors; null when all have. */
function oddWidth(recipe: Recipe): number | null {
  const widths = [recipe.weights.bits, ...recipe.overrides.map(({ weights }) => weights.bits ?? recipe.weights.bits)];
  return widths.find((bits) => 32 % bits !== 0) ?? null;
}

/** Both layouts hold integer zero points, so InstantQuant's fractional ones are given up and the codes rounded anew. */
function roundedZeros(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe } = input;
  if (recipe.dialect !== 'instant_quant') {
    return [];
  }
  const how =
    recipe.saveFormat !== 'compressed-tensors'
      ? 'integers, and the codes are computed again with the range extended to zero'
      : recipe.activations === null
        ? 'integers, and the codes are computed again'
        : 'none: the weights are rounded symmetrically';
  return [
    fallsBack(input, {
      rule: 'QW-06',
      field: 'saveFormat',
      to: recipe.saveFormat === 'compressed-tensors' ? 'rtn (compressed_tensors)' : 'rtn (ist)',
      cost: 'other codes than InstantQuant',
      nearest: OWN,
      message: `Quantwright: ${recipe.saveFormat} holds integer zero points only, so InstantQuant's unrounded ones become ${how}; save_format quantwright keeps them.`,
    }),
  ];
}
