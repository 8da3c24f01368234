// QC001: the group size does not divide the inputs of a linear (its part on one device under tensor parallelism), or a layout's multiple does not.
// With a target the judge decides. Without one the model's sizes alone speak: no runtime but ours runs a shorter last group.

import type { Finding } from '../../check/finding.ts';
import { findingsOf } from '../../check/sources.ts';
import { rangeAt } from '../../document/find.ts';
import { piecesOf, undivided } from '../../hardware/divisibility.ts';
import { groupField, groupNearest, USUAL_GROUPS, undividedWords } from '../../hardware/group-size.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { groupFixes } from './fix.ts';

export const groupDividesK: Rule = {
  code: 'QC001',
  run: (context) => [...findingsOf('QC001', context), ...(context.targets.length === 0 ? withoutTarget(context) : unknownSizes(context))],
};

/** A target is chosen and a model is there, so silence would read as "the group fits". */
function unknownSizes(context: RuleContext): readonly Finding[] {
  const { recipe, unknownModel, document } = context;
  if (recipe === null || unknownModel === null || recipe.weights.groupSize === -1) {
    return [];
  }
  const path = context.origins['weights.groupSize']?.path ?? context.path;
  const range = rangeAt(document.root, path);
  return [
    { code: 'QC001', severity: 'information', path, range, message: `The sizes are not checked: ${unknownModel}`, supportRule: null, source: null, fixes: [] },
  ];
}

function withoutTarget(context: RuleContext): readonly Finding[] {
  const { recipe, model } = context;
  // Our own layout is read by our own runtime only, and that runs every row length.
  if (recipe === null || model === null || recipe.saveFormat === 'quantwright') {
    return [];
  }
  const pieces = piecesOf(recipe, model, 1);
  const failing = undivided(pieces);
  const [first] = failing;
  if (first === undefined) {
    return [];
  }
  const nearest = groupNearest(pieces, failing, USUAL_GROUPS);
  const path = context.origins[groupField(first)]?.path ?? context.path;
  const ours = context.format.describes === 'recipe' && recipe.saveFormat !== 'compressed-tensors';
  return [
    {
      code: 'QC001',
      severity: ours ? 'warning' : 'error',
      path,
      range: rangeAt(context.document.root, path),
      message: `${undividedWords(first, failing, 1)}; ${nearest === null ? 'other runtimes than Quantwright refuse that' : `the largest that works is ${nearest.words}`}.`,
      supportRule: null,
      source: 'vllm-project/vllm vllm/model_executor/layers/quantization/utils/marlin_utils.py',
      fixes: groupFixes(context, nearest),
    },
  ];
}
