// Group sizes worth offering for a model: those that divide every row length K, also after tensor parallelism has split it.
// What a target's kernels accept is not decided here: the judge does that when a size is put into the config.
import type { CheckResult } from '@quantwright/schemas/check/types';
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import type { Analysis } from '../../document/analysis.ts';
import { same } from '../../schema/jsonSchema.ts';

/** In the order people should try them: 128 is what most kernels are built for, then smaller (more exact), larger, and per channel. */
const customarySizes: readonly number[] = [128, 64, 32, 256, 512, 1024, 16, -1];

/** Where formats write group sizes of parts of a model (overrides), which are no field of the recipe itself. */
const groupSizeKey = /^(q_)?group_?size$/i;

/** True when the member at `path` is a group size: the one the recipe's comes from, whatever the format calls it, or one of an override. */
export function isGroupSize(result: CheckResult, path: JsonPath): boolean {
  const origin = result.origins['weights.groupSize'];
  return (origin?.present === true && same(origin.path, path)) || groupSizeKey.test(String(path.at(-1)));
}

export function groupSizesThatFit(analysis: Analysis, listed: readonly unknown[]): readonly number[] {
  const extra = listed.filter((value): value is number => typeof value === 'number' && !customarySizes.includes(value));
  const rowLengths = rowLengthsOf(
    analysis.result.model,
    analysis.input.targets.map((target) => target.tensorParallel),
  );
  return [...customarySizes, ...extra].filter((size) => size === -1 || (size > 0 && rowLengths.every((length) => length % size === 0)));
}

/** Distinct K of the linears, and K / tp where a row-parallel linear is split. Empty without a model: then nothing is ruled out. */
function rowLengthsOf(model: ModelShape | null, parallels: readonly number[]): readonly number[] {
  const lengths = new Set<number>();
  for (const linear of model?.linears ?? []) {
    lengths.add(linear.in);
    if (linear.parallel === 'row') for (const parallel of parallels) lengths.add(linear.in / parallel);
  }
  return [...lengths];
}
