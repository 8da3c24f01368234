// What GPTQ, AWQ and compressed-tensors' packed integers share in vLLM: groups against tensor parallelism, activation order, mixtures, and the kernel.
import { groupProblem } from '../../group-size.ts';
import { fallsBack, ignored, refused, targetName } from '../../judge.ts';
import { isExpert, partitionName, partitionsOf } from '../../partition.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { answer, dotted, type Job, noRow } from './job.ts';
import { expertMisfit, kernelOf, kernelsOf, MARLIN_GROUPS, onlyOnHopper } from './wna16.ts';

/** A group must lie on one device. `experts` false: their kernel halves groups that do not fit, so only the other linears count. */
export function groupSplit(job: Job, experts: boolean, legal: readonly number[] = MARLIN_GROUPS): readonly SupportVerdict[] {
  const { input } = job;
  const { model } = input;
  const narrowed = model === null || experts ? model : { ...model, linears: model.linears.filter((linear) => !isExpert(linear)) };
  const problem = groupProblem({ ...input, model: narrowed }, 'VL-GROUP-TP', legal);
  return problem === null ? [] : [refused(input, problem)];
}

export function orderVerdicts(job: Job): readonly SupportVerdict[] {
  const { input } = job;
  const { weights } = input.recipe;
  if (!weights.descAct) {
    return [];
  }
  if (weights.groupSize === -1) {
    return [
      ignored(input, {
        rule: 'VL-DESC-G',
        field: 'weights.descAct',
        nearest: { field: 'weights.descAct', value: false, words: 'desc_act false, which is what runs' },
        message: `${targetName(input)}: desc_act is taken for false with group_size -1, since one group a row has no order.`,
      }),
    ];
  }
  const { tensorParallel } = input.target;
  return tensorParallel === 1
    ? []
    : [
        fallsBack(input, {
          rule: 'VL-DESC-TP',
          field: 'weights.descAct',
          to: 'Marlin with the full scales on every device',
          cost: 'slower, and more memory on each device',
          message: `${targetName(input)}: with desc_act and tp ${tensorParallel} the scales of o_proj and down_proj are repeated in full on every device; slower, and more memory.`,
        }),
      ];
}

/** Experts run in a kernel of their own. */
export function mixtureVerdicts(job: Job): readonly SupportVerdict[] {
  const { input } = job;
  const { model, recipe, target } = input;
  const misfit = model === null || model.experts === 0 ? null : expertMisfit(model, recipe.weights, target.tensorParallel);
  return misfit === null
    ? []
    : [
        fallsBack(input, {
          rule: 'VL-MOE',
          field: 'methods',
          to: 'MoE WNA16 (Triton)',
          cost: 'slower experts',
          message: `${targetName(input)}: the Marlin kernel of mixtures wants a hidden size in multiples of 128 and ${misfit.of} inputs of an expert's down_proj at a time; ${misfit.width} on each device do not fit, and the slower MoE WNA16 kernel runs.`,
        }),
      ];
}

/** Blackwell has the memory format of Machete and none of its kernels. */
export function exactVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, capability } = job;
  if (capability === null || capability < 100 || !onlyOnHopper(input.recipe.weights)) {
    return [];
  }
  return [
    fallsBack(input, {
      rule: 'VL-EXACT90',
      field: 'methods',
      to: 'Marlin',
      cost: 'slower for large batches than a kernel made for the GPU',
      message: `${targetName(input)}: Machete is for compute capability 9.0 exactly; on ${dotted(capability)} the weights run in Marlin.`,
    }),
  ];
}

/** In 0.10 Marlin takes whole tiles only: 128 inputs and 64 outputs. */
export function tileVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, era, capability } = job;
  const { model, recipe, target } = input;
  if (era !== 'old' || capability === null || model === null) {
    return [];
  }
  const odd = partitionsOf(recipe, model, target.tensorParallel).find((one) => !one.expert && kernelOf(job, capability, one.weights, one) === null);
  if (odd === undefined || (odd.k % 128 === 0 && odd.n % 64 === 0)) {
    return [];
  }
  const [side, size, tile] = odd.k % 128 === 0 ? (['N', odd.n, 64] as const) : (['K', odd.k, 128] as const);
  return [
    refused(input, {
      rule: side === 'K' ? 'VL-MARLIN-K' : 'VL-MARLIN-N',
      field: 'weights',
      words: { k: odd.k, n: odd.n },
      message: `${targetName(input)}: ${partitionName(odd)} has ${side} = ${size} on each of ${target.tensorParallel} devices, and Marlin of this version takes multiples of ${tile}; from 0.28 it is padded.`,
    }),
  ];
}

/** Ends an answer with the kernel of the model's linears, and of its experts. */
export function withKernel(job: Job, problems: readonly SupportVerdict[]): readonly SupportVerdict[] {
  const choice = kernelsOf(job);
  if (choice === null) {
    const stopped = problems.some(({ kind }) => kind === 'refused' || kind === 'unknown');
    return stopped ? problems : [...problems, noRow(job, 'none of the kernels that were read takes these weights (others may: Triton W4A16, Conch, Humming)')];
  }
  const experts =
    (job.input.model?.experts ?? 0) > 0
      ? `; experts: ${problems.some((one) => one.kind !== 'supported' && one.rule === 'VL-MOE') ? 'MoE WNA16' : 'Marlin MoE'}`
      : '';
  return answer(job, problems, choice.kernel + experts, choice.source);
}
