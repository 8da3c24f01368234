// AWQ checkpoints in vLLM: Marlin where it takes them, else the unoptimized AWQ kernels (quantization/auto_awq.py; in 0.10 awq.py and awq_marlin.py).
import { fallsBack, refused, targetName } from '../../judge.ts';
import { partitionName, partitionsOf } from '../../partition.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { documentedVerdicts } from './documented.ts';
import { again, answer, between, capabilityVerdicts, type Job, noRow, QUANTIZATION } from './job.ts';
import { exactVerdicts, groupSplit, mixtureVerdicts, withKernel } from './packed.ts';
import { kernelsOf, MARLIN_GROUPS } from './wna16.ts';

const USUAL: readonly number[] = [16, 32, 64, 128, 256];

export function judgeAwq(job: Job): readonly SupportVerdict[] {
  const { weights, variant } = job.input.recipe;
  if (variant !== null && variant !== 'gemm') {
    return [noRow(job, `AWQ of the layout "${variant}" was not read (gemm is what vLLM loads)`, 'variant')];
  }
  const problems = [...bitVerdicts(job), ...groupSplit(job, false, USUAL), ...packVerdicts(job)];
  const documented = documentedVerdicts(job, 'AWQ', 'AWQ', problems);
  if (documented !== null) {
    return documented;
  }
  if (weights.symmetric) {
    return [...problems, noRow(job, 'AWQ without zero points (zero_point false) was not read', 'weights.symmetric')];
  }
  const own = [...problems, ...capabilityVerdicts(job, 'awq', { now: 75, old: 75 }, 'VL-CAP')];
  return usesMarlin(job)
    ? withKernel(job, [...own, ...mixtureVerdicts(job), ...exactVerdicts(job)])
    : answer(job, [...own, ...plainVerdicts(job)], 'AWQ GEMM', `${QUANTIZATION}/awq.py`);
}

function bitVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const { bits } = input.recipe.weights;
  if (bits === 4) {
    return [];
  }
  if (bits === 8 && era !== 'now') {
    return [between(job, '8-bit AWQ', 'weights.bits')];
  }
  return [
    refused(input, {
      rule: 'VL-AWQ-BITS',
      field: 'weights.bits',
      words: { bits },
      message: `${targetName(input)}: AWQ weights have 4 bits there, not ${bits}.`,
      nearest: { field: 'weights.bits', value: 4, words: again(input, '4 bits') },
    }),
  ];
}

/** Eight codes a word, along the outputs. */
function packVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const { recipe, model, target } = input;
  const odd = era === 'old' && model !== null ? partitionsOf(recipe, model, target.tensorParallel).find(({ n }) => n % 8 !== 0) : undefined;
  return odd === undefined
    ? []
    : [
        refused(input, {
          rule: 'VL-AWQ-N',
          field: 'weights',
          message: `${targetName(input)}: ${partitionName(odd)} has ${odd.n} outputs on each of ${target.tensorParallel} devices; AWQ packs 8 to a word.`,
        }),
      ];
}

function usesMarlin(job: Job): boolean {
  return MARLIN_GROUPS.includes(job.input.recipe.weights.groupSize) && (job.capability === null || kernelsOf(job) !== null);
}

/** The AWQ kernels of 0.10 compute in float16 only. */
function plainVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  if (era === 'between') {
    return [between(job, 'AWQ that Marlin does not take')];
  }
  if (era === 'old' && input.model?.dtype === 'bfloat16') {
    return [
      refused(input, {
        rule: 'VL-DTYPE',
        field: 'computeDtype',
        words: { method: 'awq' },
        message: `${targetName(input)}: the AWQ kernels compute in float16 only, and the model's dtype is bfloat16; start vLLM with --dtype float16.`,
      }),
    ];
  }
  return [
    fallsBack(input, {
      rule: 'VL-AWQ-GEMM',
      field: 'weights.groupSize',
      to: 'AWQ GEMM',
      cost: 'slower than Marlin',
      message: `${targetName(input)}: Marlin does not take this setting (group_size ${input.recipe.weights.groupSize}), so the unoptimized AWQ kernels run.`,
    }),
  ];
}
