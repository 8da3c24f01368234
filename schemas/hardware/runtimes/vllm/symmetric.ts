// The nearest change that makes weights symmetric. Some of our own roundings always have a zero point: for those another method is the change.
import type { JudgeInput } from '../../judge.ts';
import type { Nearest } from '../../verdict.ts';
import { again } from './job.ts';

/** `bits`: the width to change to with it; left out: it stays. Null: the file's rounding cannot say it. */
export function symmetricNearest(input: JudgeInput, words: string, bits?: number): Nearest | null {
  const { dialect } = input.recipe;
  const width = bits === undefined ? [] : [{ field: 'weights.bits' as const, value: bits }];
  if (dialect === 'dashinfer_cpu') {
    return null;
  }
  if (dialect === 'instant_quant') {
    return { field: 'methods', value: 'rtn', words: `quant_method rtn, ${words}`, also: [{ field: 'weights.symmetric', value: true }, ...width] };
  }
  return bits === undefined
    ? { field: 'weights.symmetric', value: true, words: again(input, words) }
    : { field: 'weights.bits', value: bits, words: again(input, words), also: [{ field: 'weights.symmetric', value: true }] };
}
