// DashInfer loading GPTQ weights: what model_loader.py accepts (config-formats section 5.2).
import { groupClosest, groupProblem } from '../../group-size.ts';
import { ignored, type JudgeInput, refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { loadedMethod } from './loaded-method.ts';

/** Group sizes of 8-bit weight-only GPTQ. */
const GROUPS = [64, 128, 256, 512];

export function judgeGptq(input: JudgeInput): readonly SupportVerdict[] {
  const { bits, groupSize, descAct } = input.recipe.weights;
  const name = targetName(input);
  const computeMethod = loadedMethod(input);
  const verdicts: SupportVerdict[] = [];
  if (descAct) {
    verdicts.push(
      refused(input, {
        rule: 'DI-13',
        field: 'weights.descAct',
        message: `${name}: GPTQ weights with desc_act true are not loaded.`,
        nearest: { field: 'weights.descAct', value: false, words: 'desc_act false (the weights must be quantized again)' },
      }),
    );
  }
  if (input.recipe.weights.dtype !== 'int') {
    const nearest = { field: 'weights.dtype', value: 'int', words: 'weight_format int8' } as const;
    return [
      ...verdicts,
      refused(input, { rule: 'DI-14b', field: 'weights.dtype', nearest, message: `${name}: GPTQ weights are integers; fp8_e4m3 does not load.` }),
    ];
  }
  if (bits !== 4 && bits !== 8) {
    verdicts.push(
      ignored(input, {
        rule: 'DI-14c',
        field: 'weights.bits',
        message: `${name}: ${bits} bits are not checked; the loader takes the weights for int8, and the model answers nonsense.`,
        nearest: { field: 'weights.bits', value: 4, words: '4 bits' },
      }),
    );
    return verdicts;
  }
  if (bits === 4 && computeMethod === 'activate_quant') {
    verdicts.push(
      refused(input, {
        rule: 'DI-14b',
        field: 'computeMethod',
        message: `${name}: 4-bit GPTQ weights cannot be combined with activate_quant.`,
        nearest: { field: 'computeMethod', value: 'weight_only', words: 'compute_method weight_only' },
      }),
    );
  }
  if (groupSize === -1 && computeMethod === 'weight_only') {
    verdicts.push(
      refused(input, {
        rule: 'DI-14',
        field: 'weights.groupSize',
        message: `${name}: per-channel GPTQ weights load only as A8W8 (8 bits with activate_quant).`,
        nearest: groupClosest(input, GROUPS, 128),
      }),
    );
  }
  if (bits === 8 && computeMethod === 'weight_only' && groupSize !== -1 && !GROUPS.includes(groupSize)) {
    verdicts.push(
      refused(input, {
        rule: 'DI-15',
        field: 'weights.groupSize',
        message: `${name}: 8-bit GPTQ weights have group sizes 64, 128, 256 or 512 there, not ${groupSize}.`,
        nearest: groupClosest(input, GROUPS, groupSize),
      }),
    );
  }
  const problem = groupProblem(input, 'DI-12', GROUPS);
  return problem === null ? verdicts : [...verdicts, refused(input, problem)];
}
