// DashInfer rules that need the model: group_settings must name every weight (DI-16), mixtures of experts run as A8W8 only (DI-17).
import { modulesOf } from '../../../checkpoint/linears.ts';
import { type JudgeInput, refused, targetName } from '../../judge.ts';
import type { Nearest, SupportVerdict } from '../../verdict.ts';

/** Only when overrides are group sizes and nothing else: that is what group_settings lower to. */
export function groupSettingsVerdicts(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe, model } = input;
  const groupsOnly = recipe.overrides.every(({ weights }) => Object.keys(weights).every((key) => key === 'groupSize'));
  if (model === null || recipe.overrides.length === 0 || !groupsOnly || recipe.methods[0] !== 'instant_quant') {
    return [];
  }
  // Unanchored and on both spellings of the name: say only what fails however the runtime matches.
  const patterns = recipe.overrides.map(({ pattern }) => new RegExp(pattern));
  for (const linear of model.linears) {
    for (const module of modulesOf(linear)) {
      const tensor = `${module}.weight`;
      if (!patterns.some((pattern) => pattern.test(tensor))) {
        return [
          refused(input, {
            rule: 'DI-16',
            field: 'overrides',
            words: { tensor },
            message: `${targetName(input)}: no pattern of group_settings matches ${tensor}; every quantized weight needs one (add ".*").`,
          }),
        ];
      }
    }
  }
  return [];
}

export function mixtureVerdicts(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe, model } = input;
  const { weights, computeMethod } = recipe;
  const a8w8 = weights.dtype === 'int' && weights.bits === 8 && computeMethod === 'activate_quant';
  if (model === null || model.experts === 0 || a8w8) {
    return [];
  }
  const nearest: Nearest = {
    field: 'computeMethod',
    value: 'activate_quant',
    words: 'int8 with compute_method activate_quant, per channel',
    also: [
      { field: 'weights.bits', value: 8 },
      { field: 'weights.groupSize', value: -1 },
    ],
  };
  return [
    refused(input, {
      rule: 'DI-17',
      field: 'methods',
      nearest,
      message: `${targetName(input)}: a mixture of experts (${model.experts} experts) runs only as A8W8.`,
    }),
  ];
}
