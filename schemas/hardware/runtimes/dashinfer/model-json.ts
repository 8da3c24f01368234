// The model_config JSON files of DashInfer's examples (scheme dashinfer-json): uint8 weights with sub-channel groups and bfloat16 activations on CPUs.
// Not the InstantQuant of the Python call, and not a row of the hardware table. Source: config-formats section 5.3, support-tables section 8.
import { groupClosest, groupProblem, groupWords } from '../../group-size.ts';
import { type JudgeInput, refused, targetName, unknown } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { findRule } from '../index.ts';

const GROUPS = [64, 128, 256, 512];

export function judgeModelJson(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe, device } = input;
  const { weights } = recipe;
  const name = targetName(input);
  if (weights.dtype !== 'int' || weights.bits !== 8 || weights.signed) {
    const message = `${name}: the model_config files of its examples have weight_type uint8 only; there is no row for another, so nothing is said.`;
    return [unknown(input, { rule: 'NO-ROW', field: 'weights.bits', message })];
  }
  if (weights.groupSize !== -1 && !GROUPS.includes(weights.groupSize)) {
    return [
      refused(input, {
        rule: 'DI-19',
        field: 'weights.groupSize',
        nearest: groupClosest(input, GROUPS, weights.groupSize),
        message: `${name}: GroupSize is 64, 128, 256 or 512 for uint8 weights, not ${weights.groupSize}.`,
      }),
    ];
  }
  const problem = groupProblem(input, 'DI-12', GROUPS);
  if (problem !== null) {
    return [refused(input, problem)];
  }
  if (weights.groupSize === -1) {
    const message = `${name}: all of its examples quantize uint8 weights in groups (SubChannel true); there is no row for ${groupWords(-1)}, so nothing is said.`;
    return [unknown(input, { rule: 'NO-ROW', field: 'weights.groupSize', message })];
  }
  if (device !== null && (device.kind !== 'x86' || !device.simd.includes('avx2'))) {
    const message = `${name}: uint8 weights of a model_config file are documented for x86 CPUs with AVX2; there is no row for this device, so nothing is said.`;
    return [unknown(input, { rule: 'NO-ROW', field: 'scheme', message })];
  }
  const simd = device?.simd.includes('amx') === true ? ' (AMX)' : '';
  return [{ kind: 'supported', target: input.target, kernel: `CPU uint8 sub-channel${simd}`, source: findRule('DI-19')?.source ?? '' }];
}
