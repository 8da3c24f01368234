// Recipe x kernel rows: which of our linear kernels computes on these weights, and which setting is in the way when none does.
import type { ComputeMethod, WeightRecipe } from '../../../recipe/recipe.ts';
import { groupWords } from '../../group-size.ts';
import { fallsBack, ignored, type JudgeInput, refused } from '../../judge.ts';
import type { Nearest, SupportVerdict } from '../../verdict.ts';
import type { KernelRow } from '../kernel-row.ts';

export interface KernelAnswer {
  /** The kernel of the recipe's own weights; null when there is none. */
  readonly row: KernelRow | null;
  readonly verdicts: readonly SupportVerdict[];
}

export function kernelVerdicts(input: JudgeInput, rows: readonly KernelRow[]): KernelAnswer {
  const { recipe } = input;
  const linear = rows.filter((row) => row.op === 'linear');
  const own = judge(input, linear, recipe.weights, null);
  const overrides = recipe.overrides.flatMap(({ pattern, weights }) => judge(input, linear, { ...recipe.weights, ...weights }, pattern).verdicts);
  return { row: own.row, verdicts: [...own.verdicts, ...overrides] };
}

/** `pattern`: of the override these weights are from; its settings have no nearest value, since one field of the recipe cannot hold it. */
function judge(input: JudgeInput, rows: readonly KernelRow[], weights: WeightRecipe, pattern: string | null): KernelAnswer {
  // LLM.int8 codes are multiplied with activations as they are (engine/src/checkpoint/quantized/bitsandbytes.ts).
  const floatRun = input.intent === 'run' && input.recipe.scheme === 'bitsandbytes';
  const computeMethod = floatRun ? 'weight_only' : input.recipe.computeMethod;
  const of = pattern === null ? '' : ` of "${pattern}"`;
  const no = (
    rule: string,
    field: 'weights.bits' | 'weights.dtype' | 'weights.groupSize' | 'weights.descAct',
    message: string,
    nearest: Nearest,
  ): KernelAnswer => ({
    row: null,
    verdicts: [
      refused(input, { rule, field: pattern === null ? field : 'overrides', message: `Quantwright: ${message}`, nearest: pattern === null ? nearest : null }),
    ],
  });
  const computing = rows.filter((row) => row.compute_method === computeMethod && row.weights.dtype === weights.dtype);
  if (weights.dtype !== 'int') {
    // Such weights are run, never made; their kernels leave activations as they are.
    const row = input.intent === 'run' ? rows.find(({ weights: taken }) => taken.types?.includes(weights.dtype)) : undefined;
    if (row !== undefined) {
      return { row, verdicts: pattern === null && input.recipe.activations !== null ? [floatActivations(input, weights.dtype)] : [] };
    }
    return no('QW-02', 'weights.dtype', `no kernel computes on ${weights.dtype} weights${of}.`, {
      field: 'weights.dtype',
      value: 'int',
      words: 'weight_format int8',
    });
  }
  const exact = computing.filter((row) => row.weights.bits?.includes(weights.bits));
  const wider = computing.filter((row) => computeMethod === 'weight_only' && row.weights.bits?.some((bits) => bits > weights.bits)).sort(byWidth);
  const [row] = exact.length > 0 ? exact : wider;
  if (row === undefined) {
    return no(
      'QW-02',
      'weights.bits',
      `no kernel computes on ${weights.bits}-bit weights${of} with compute_method ${computeMethod} (${widths(computing)} bits do).`,
      nearestBits(weights.bits, computeMethod, computing),
    );
  }
  const groups = row.weights.group_size;
  if (groups !== undefined && weights.groupSize !== -1 && !(groups.any && weights.groupSize >= (groups.min ?? 1))) {
    return no(
      'QW-03',
      'weights.groupSize',
      `${computeMethod} with ${weights.bits} bits is per channel only; group_size ${weights.groupSize}${of} has no kernel.`,
      { field: 'weights.groupSize', value: -1, words: groupWords(-1) },
    );
  }
  if (weights.descAct && !row.act_order) {
    return no('QW-09', 'weights.descAct', `the ${row.codec} kernel has no activation order (desc_act)${of}.`, {
      field: 'weights.descAct',
      value: false,
      words: 'desc_act false',
    });
  }
  const left = floatRun && pattern === null && input.recipe.activations !== null ? [floatActivations(input, `${weights.bits}-bit`)] : [];
  return { row, verdicts: exact.length > 0 ? left : [...left, wide(input, weights, row, of)] };
}

function floatActivations(input: JudgeInput, dtype: string): SupportVerdict {
  return ignored(input, {
    rule: 'QW-18',
    field: 'activations',
    message: `Quantwright: activations beside ${dtype} weights stay float; the config's quantization of them, and scales stored for it, are not used.`,
  });
}

function wide(input: JudgeInput, weights: WeightRecipe, row: KernelRow, of: string): SupportVerdict {
  const bits = Math.min(...(row.weights.bits ?? []));
  return fallsBack(input, {
    rule: 'QW-11',
    field: 'weights.bits',
    to: row.codec,
    cost: `memory of ${bits} bits a weight`,
    message: `Quantwright: ${weights.bits}-bit weights${of} run in the ${row.codec} kernel and take ${bits} bits in memory; only the file is smaller.`,
  });
}

function nearestBits(bits: number, computeMethod: ComputeMethod, rows: readonly KernelRow[]): Nearest {
  if (computeMethod === 'activate_quant') {
    return { field: 'computeMethod', value: 'weight_only', words: 'compute_method weight_only' };
  }
  const value = widthList(rows).sort((a, b) => Math.abs(a - bits) - Math.abs(b - bits) || a - b)[0] ?? 8;
  return { field: 'weights.bits', value, words: `${value}-bit weights` };
}

function widthList(rows: readonly KernelRow[]): number[] {
  return [...new Set(rows.flatMap((row) => row.weights.bits ?? []))].sort((a, b) => a - b);
}

function widths(rows: readonly KernelRow[]): string {
  return widthList(rows).join(' and ');
}

function byWidth(a: KernelRow, b: KernelRow): number {
  return Math.min(...(a.weights.bits ?? [])) - Math.min(...(b.weights.bits ?? []));
}
