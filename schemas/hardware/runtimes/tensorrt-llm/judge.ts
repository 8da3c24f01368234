// TensorRT-LLM's verdicts over ModelOpt configs (hf_quant_config.json, quant_method modelopt, its own checkpoint config): the hardware table of the
// PyTorch flow, ModelOpt's deployment matrix for what that table lacks, and the group sizes of the kernels. Source: support-tables section 4.
import { groupClosest, groupProblem, groupWords } from '../../group-size.ts';
import { type JudgeInput, refused, targetName, unknown } from '../../judge.ts';
import { savedLayout } from '../../saved-layout.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { findRule, findRuntime } from '../index.ts';
import type { TableRow } from '../runtime-data.ts';
import { columnOf, columnWords, leastFamily } from './columns.ts';

/** quant_method or producer of the configs that it reads. */
const READ: readonly string[] = ['modelopt', 'tensorrt-llm'];
/** Grouped 4-bit integers: TR-G. */
const INT4_GROUPS = [64, 128];
const BLOCKS: readonly (readonly [RegExp, number])[] = [
  [/NVFP4/, 16],
  [/MXFP[48]/, 32],
];

export function judgeTensorRtLlm(input: JudgeInput): readonly SupportVerdict[] {
  const layout = savedLayout(input);
  if (layout === null || !READ.includes(layout.scheme)) {
    return [unreadScheme(input, layout?.scheme ?? null)];
  }
  const algorithm = layout.variant?.toUpperCase() ?? null;
  if (algorithm === null || algorithm === 'MIXED_PRECISION' || algorithm === 'NO_QUANT') {
    return [...kvVerdicts(input), noRow(input, algorithm === null ? 'no quant_algo is named' : `${algorithm} has no row of its own`)];
  }
  const groups = groupVerdicts(input, algorithm);
  return [...groups, ...hardware(input, algorithm), ...kvVerdicts(input)];
}

function unreadScheme(input: JudgeInput, scheme: string | null): SupportVerdict {
  const what = scheme === null ? 'the file is for another tool' : `there are no rows for quant_method ${scheme}`;
  return unknown(input, {
    rule: 'TR-READS',
    field: 'scheme',
    message: `${targetName(input)}: ${what}; the rows are about ModelOpt's checkpoints (hf_quant_config.json), so nothing is said.`,
  });
}

function hardware(input: JudgeInput, algorithm: string): readonly SupportVerdict[] {
  const row = (findRuntime('tensorrt-llm')?.table ?? []).find(({ id }) => id === algorithm) ?? null;
  const { device } = input;
  if (device === null) {
    return row === null ? [noRow(input, `there is no row for ${algorithm}`)] : [supported(input, row.name, 'TR-HW')];
  }
  const column = columnOf(device);
  const answer = column === null ? undefined : row?.devices[column];
  if (row !== null && answer === 'yes') {
    return [supported(input, row.name, 'TR-HW')];
  }
  if (row !== null && answer === 'no') {
    return [refusedByTable(input, row, device.computeCapability ?? 0)];
  }
  return [byLeastFamily(input, algorithm)];
}

function refusedByTable(input: JudgeInput, row: TableRow, capability: number): SupportVerdict {
  const w4a8 = row.id === 'W4A8_AWQ' && capability < 89;
  const runsOn = Object.keys(row.devices)
    .filter((column) => row.devices[column] === 'yes')
    .map(columnWords);
  const beside = (findRuntime('tensorrt-llm')?.table ?? []).filter((other) => other.devices[columnName(input)] === 'yes').map(({ name }) => name);
  return refused(input, {
    rule: w4a8 ? 'TR-W4A8' : 'TR-HW',
    field: 'variant',
    message: w4a8
      ? `${targetName(input)}: W4A8 AWQ computes in FP8 and needs compute capability 8.9; below it there is no kernel. W4A16 AWQ runs there.`
      : `${targetName(input)}: ${row.name} has no kernels there; the support table lists it for ${runsOn.join(', ')}, and for this device ${beside.join(', ')}.`,
  });
}

function columnName(input: JudgeInput): string {
  return (input.device === null ? null : columnOf(input.device)) ?? '';
}

/** ModelOpt's deployment matrix: a method, and the family from which on it is deployed. */
function byLeastFamily(input: JudgeInput, algorithm: string): SupportVerdict {
  const least = leastFamily(algorithm);
  const { device } = input;
  if (least === null || device === null || device.computeCapability === null) {
    return noRow(input, `the support tables say nothing about ${algorithm} there`);
  }
  if (device.computeCapability < least.capability) {
    return refused(input, {
      rule: 'MO-HW',
      field: 'variant',
      message: `${targetName(input)}: ${algorithm} is deployed from ${least.family} (compute capability ${(least.capability / 10).toFixed(1)}) on; this device has ${(device.computeCapability / 10).toFixed(1)}.`,
    });
  }
  return algorithm === 'INT8_SQ' || algorithm === 'W8A8_SQ_PER_CHANNEL'
    ? supported(input, 'INT8 SmoothQuant', 'MO-HW')
    : noRow(input, `the support tables say nothing about ${algorithm} there`);
}

function groupVerdicts(input: JudgeInput, algorithm: string): readonly SupportVerdict[] {
  const { groupSize } = input.recipe.weights;
  const int4 = /^W4A(8|16)_(AWQ|GPTQ)$/.test(algorithm);
  const block = BLOCKS.find(([pattern]) => pattern.test(algorithm))?.[1] ?? null;
  const legal = int4 ? INT4_GROUPS : block === null ? null : [block];
  if (legal === null) {
    return [];
  }
  if (!legal.includes(groupSize)) {
    return [
      refused(input, {
        rule: int4 ? 'TR-G' : 'MO-G',
        field: 'weights.groupSize',
        nearest: groupClosest(input, legal, groupSize),
        message: int4
          ? `${targetName(input)}: the grouped 4-bit kernels have group sizes 64 and 128; ${groupWords(groupSize)} is refused.`
          : `${targetName(input)}: ${algorithm} has groups of ${block} and no others, not ${groupWords(groupSize)}.`,
      }),
    ];
  }
  const problem = groupProblem(input, 'DIV-K', legal);
  return problem === null ? [] : [refused(input, problem)];
}

/** FP8 caches run on every family of the table; INT8 ones only with scales that calibration found. */
function kvVerdicts(input: JudgeInput): readonly SupportVerdict[] {
  const { kvCache } = input.recipe;
  return kvCache?.dtype !== 'int' || kvCache.bits !== 8
    ? []
    : [
        unknown(input, {
          rule: 'TR-KVINT8',
          field: 'kvCache',
          message: `${targetName(input)}: an INT8 KV cache needs calibrated scales in the checkpoint; the config cannot show whether they are there.`,
        }),
      ];
}

function supported(input: JudgeInput, kernel: string, rule: string): SupportVerdict {
  return { kind: 'supported', target: input.target, kernel, source: findRule(rule)?.source ?? '' };
}

function noRow(input: JudgeInput, what: string): SupportVerdict {
  return unknown(input, { rule: 'NO-ROW', field: 'variant', message: `${targetName(input)}: ${what}, so nothing is said.` });
}
