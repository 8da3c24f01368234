// INT8 weights with INT8 activations (W8A8), and INT4 with 8-bit activations (W4A8), as compressed-tensors states them.
import { refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { documentedVerdicts } from './documented.ts';
import { integerActivations } from './integer-activations.ts';
import { again, answer, capabilityVerdicts, dotted, type Job, noRow, QUANTIZATION } from './job.ts';
import { groupSplit } from './packed.ts';
import { symmetricNearest } from './symmetric.ts';

export function w8a8(job: Job): readonly SupportVerdict[] {
  const { input, capability } = job;
  const { weights } = input.recipe;
  const problems: SupportVerdict[] = [...integerActivations(job, true)];
  if (weights.groupSize !== -1 || !weights.symmetric) {
    const group = weights.groupSize !== -1;
    problems.push(
      refused(input, {
        rule: 'VL-CT-NOSCHEME',
        field: group ? 'weights.groupSize' : 'weights.symmetric',
        message: `${targetName(input)}: 8-bit weights with 8-bit activations are ${group ? 'per channel or per tensor' : 'symmetric'} there, not ${group ? `in groups of ${weights.groupSize}` : 'asymmetric'}.`,
        nearest: group
          ? { field: 'weights.groupSize', value: -1, words: again(input, 'group_size -1 (per channel)') }
          : symmetricNearest(input, 'symmetric weights'),
      }),
    );
  }
  const documented = documentedVerdicts(job, 'INT8-W8A8', 'INT8 W8A8', problems);
  if (documented !== null) {
    return documented;
  }
  problems.push(...capabilityVerdicts(job, 'INT8 W8A8', { now: 75, old: 75 }, 'VL-CT-CAP'));
  if (capability !== null && capability >= 100) {
    problems.push(
      refused(input, {
        rule: 'VL-INT8-BW',
        field: 'methods',
        words: { capability },
        message: `${targetName(input)}: there is no INT8 kernel from compute capability 10.0 (Blackwell) on; this device has ${dotted(capability)}. FP8 weights and activations run there.`,
      }),
    );
  }
  return answer(job, problems, 'CUTLASS INT8 (W8A8)', `${QUANTIZATION}/compressed_tensors/schemes/compressed_tensors_w8a8_int8.py`);
}

/** INT8 activations: on Arm processors only, by the documented table. */
export function w4a8Int(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const documented = documentedVerdicts(job, 'INT8-W4A8', 'INT8 W4A8', integerActivations(job, false));
  if (documented !== null) {
    return documented;
  }
  if (input.device === null || era !== 'now') {
    return [noRow(job, 'INT4 weights with INT8 activations were read for Arm processors only')];
  }
  return [
    refused(input, {
      rule: 'VL-TABLE',
      field: 'methods',
      message: `${targetName(input)}: vLLM's table of supported hardware has INT4 weights with INT8 activations on Arm processors only.`,
    }),
  ];
}

/** FP8 activations: CUTLASS W4A8, which is for Hopper alone. */
export function w4a8Fp8(job: Job): readonly SupportVerdict[] {
  const { input, capability, era } = job;
  const documented = documentedVerdicts(job, null, 'W4A8 FP8', []);
  if (documented !== null) {
    return documented;
  }
  const { groupSize, symmetric } = input.recipe.weights;
  const problems: SupportVerdict[] = [...groupSplit(job, true, [128])];
  if (groupSize !== 128 || !symmetric) {
    problems.push(
      refused(input, {
        rule: 'VL-WNA16',
        field: groupSize === 128 ? 'weights.symmetric' : 'weights.groupSize',
        message: `${targetName(input)}: CUTLASS W4A8 computes on symmetric weights in groups of 128.`,
        nearest:
          groupSize === 128 ? symmetricNearest(input, 'symmetric weights') : { field: 'weights.groupSize', value: 128, words: again(input, 'group_size 128') },
      }),
    );
  }
  if (capability !== null && capability < 90 && era === 'now') {
    problems.push(...capabilityVerdicts(job, 'W4A8 FP8', { now: 90, old: null }, 'VL-CT-CAP'));
  } else if (era !== 'now') {
    problems.push(noRow(job, 'W4A8 FP8 was read as of 2026-08 only'));
  }
  if (capability !== null && capability > 90) {
    problems.push(
      refused(input, {
        rule: 'VL-W4A8-90',
        field: 'methods',
        message: `${targetName(input)}: CUTLASS W4A8 is for compute capability 9.0 (Hopper) exactly; this device has ${dotted(capability)}.`,
      }),
    );
  }
  return answer(job, problems, 'CUTLASS W4A8', 'vllm-project/vllm vllm/model_executor/kernels/linear/mixed_precision/cutlass.py');
}
