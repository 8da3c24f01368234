// GPTQ, AWQ and packed compressed-tensors in SGLang: Marlin from compute capability 8.0, and before it or outside its settings the kernels in float16.
import { groupProblem, USUAL_GROUPS } from '../../group-size.ts';
import { fallsBack, ignored, refused, targetName } from '../../judge.ts';
import { isExpert } from '../../partition.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { mixedShards } from '../mixed-shards.ts';
import { answer, belowFloor, type Job, noRow } from './job.ts';

const MARLIN = 80;
const MARLIN_GROUPS: readonly number[] = [-1, 32, 64, 128];

export function judgeGptq(job: Job): readonly SupportVerdict[] {
  const { weights, variant } = job.input.recipe;
  const { bits } = weights;
  if (bits !== 2 && bits !== 3 && bits !== 4 && bits !== 8) {
    return [wrongBits(job, 'SG-GPTQ-BITS', '2, 3, 4 or 8 bits', bits > 4 ? 8 : 4)];
  }
  if (variant === 'gptq_v2') {
    return [noRow(job, 'loading gptq_v2 was not read')];
  }
  const marlin = (bits === 4 || bits === 8) && weights.symmetric && MARLIN_GROUPS.includes(weights.groupSize);
  return halfOrMarlin(job, 'gptq', marlin, [...shared(job), ...belowFloor(job, 'gptq', 60)]);
}

export function judgeAwq(job: Job): readonly SupportVerdict[] {
  const { weights, variant } = job.input.recipe;
  if (variant !== null && variant !== 'gemm') {
    return [noRow(job, `AWQ of the layout "${variant}" was not read`)];
  }
  if (weights.bits !== 4) {
    return weights.bits === 8 ? [noRow(job, '8-bit AWQ was not read')] : [wrongBits(job, 'SG-AWQ-BITS', '4 bits', 4)];
  }
  return halfOrMarlin(job, 'awq', !weights.symmetric && MARLIN_GROUPS.includes(weights.groupSize), [...shared(job), ...belowFloor(job, 'awq', 75)]);
}

/** compressed-tensors' integers with 16-bit activations have Marlin alone. */
export function judgePacked(job: Job): readonly SupportVerdict[] {
  const { weights } = job.input.recipe;
  const problems = [...shared(job), ...belowFloor(job, `compressed-tensors W${weights.bits}A16`, MARLIN)];
  if ((weights.bits !== 4 && weights.bits !== 8) || !weights.symmetric || !MARLIN_GROUPS.includes(weights.groupSize)) {
    return [...problems, noRow(job, 'packed weights outside symmetric 4 and 8 bits in groups of 32, 64, 128 or per channel were not read')];
  }
  return answer(job, problems, 'Marlin', 'compressed_tensors/schemes/compressed_tensors_wNa16.py');
}

function halfOrMarlin(job: Job, method: 'gptq' | 'awq', marlin: boolean, problems: readonly SupportVerdict[]): readonly SupportVerdict[] {
  const { input, capability } = job;
  if (marlin && (capability === null || capability >= MARLIN)) {
    return answer(job, problems, 'Marlin', `${method}.py`);
  }
  if (input.model?.dtype === 'bfloat16') {
    return [
      ...problems,
      refused(input, {
        rule: 'SG-DTYPE',
        field: 'computeDtype',
        words: { method },
        message: `${targetName(input)}: outside Marlin these ${method} weights compute in float16 only, and the model's dtype is bfloat16; start SGLang with --dtype float16.`,
      }),
    ];
  }
  const why = marlin
    ? 'Marlin needs compute capability 8.0'
    : 'Marlin takes symmetric GPTQ of 4 and 8 bits and AWQ with zero points, in groups of 32, 64, 128 or per channel';
  const slow = fallsBack(input, {
    rule: 'SG-FP16',
    field: 'methods',
    to: `${method} (float16)`,
    cost: 'slower than Marlin',
    message: `${targetName(input)}: ${why}; the plain ${method} kernels run, in float16 and slower.`,
  });
  return answer(job, [...problems, slow], `${method} (float16)`, `${method}.py`);
}

function shared(job: Job): readonly SupportVerdict[] {
  const { input } = job;
  const { recipe, model } = input;
  const verdicts: SupportVerdict[] = [];
  if (recipe.weights.descAct && recipe.weights.groupSize === -1) {
    verdicts.push(
      ignored(input, {
        rule: 'SG-DESC-G',
        field: 'weights.descAct',
        nearest: { field: 'weights.descAct', value: false, words: 'desc_act false, which is what runs' },
        message: `${targetName(input)}: desc_act is taken for false with group_size -1, since one group a row has no order.`,
      }),
    );
  }
  const dense = model === null ? null : { ...model, linears: model.linears.filter((linear) => !isExpert(linear)) };
  const problem = groupProblem({ ...input, model: dense }, 'SG-GROUP-TP', USUAL_GROUPS);
  if (problem !== null) {
    verdicts.push(refused(input, problem));
  }
  const mixed = model === null ? null : mixedShards(recipe, model, false);
  if (mixed !== null) {
    verdicts.push(
      refused(input, {
        rule: 'SG-MIX',
        field: 'overrides',
        message: `${targetName(input)}: ${mixed.first} has ${mixed.firstHas} and ${mixed.other} ${mixed.otherHas}; both are loaded into one matrix, which has one width.`,
      }),
    );
  }
  return verdicts;
}

function wrongBits({ input }: Job, rule: string, takes: string, value: number): SupportVerdict {
  const { bits } = input.recipe.weights;
  const words = input.intent === 'run' ? `${value} bits (the weights must be quantized again)` : `${value} bits`;
  return refused(input, {
    rule,
    field: 'weights.bits',
    words: { bits },
    nearest: { field: 'weights.bits', value, words },
    message: `${targetName(input)}: these weights have ${takes} there, not ${bits}.`,
  });
}
