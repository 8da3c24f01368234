// Packed 4-bit weights off NVIDIA GPUs: the kernels of x86 processors and Intel GPUs (kernels/linear/mixed_precision/cpu.py, xpu.py).

import { refused, targetName } from '../../judge.ts';
import { partitionName, partitionsOf } from '../../partition.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { answer, type Job } from './job.ts';

const FOLDER = 'vllm-project/vllm vllm/model_executor/kernels/linear/mixed_precision';

/** Null where neither kernel is asked: another device, another version, another width. */
export function kernelChoiceElsewhere(job: Job, problems: readonly SupportVerdict[]): readonly SupportVerdict[] | null {
  const { input, era } = job;
  const { recipe, model, target, device } = input;
  const kind = device?.kind;
  if (era !== 'now' || (kind !== 'x86' && kind !== 'xpu') || recipe.weights.dtype !== 'int' || recipe.weights.bits !== 4) {
    return null;
  }
  const [name, file] = kind === 'x86' ? ['CPU WNA16', 'cpu.py'] : ['XPU wNa16', 'xpu.py'];
  const { groupSize } = recipe.weights;
  const group = groupSize === -1 || groupSize % (kind === 'x86' ? 2 : 32) === 0;
  const odd = (model === null ? [] : partitionsOf(recipe, model, target.tensorParallel)).find(({ k, n }) => k % 32 !== 0 || (kind === 'x86' && n % 32 !== 0));
  if (group && odd === undefined) {
    return answer(job, problems, name, `${FOLDER}/${file}`);
  }
  const why = odd === undefined ? `groups of ${groupSize}` : `${partitionName(odd)} of K = ${odd.k} and N = ${odd.n} on each device`;
  return [
    ...problems,
    refused(input, {
      rule: 'VL-WNA16',
      field: odd === undefined ? 'weights.groupSize' : 'weights',
      message: `${targetName(input)}: the ${name} kernel takes ${kind === 'x86' ? 'even groups, and inputs and outputs' : 'groups and inputs'} in multiples of ${odd === undefined && kind === 'x86' ? 2 : 32}, not ${why}.`,
    }),
  ];
}
