// The definitions of statistics and errors against those of the reference (algorithms section 17).
import assert from 'node:assert/strict';
import { createDifference } from '@quantwright/engine/eval/statistics/difference';
import { createMoments } from '@quantwright/engine/eval/statistics/moments';
import { goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

runGoldenCases('analysis', async ({ tensors, near }) => {
  const of = (name: string): Float32Array => Float32Array.from(goldenTensor(tensors, `in.${name}`).data);
  for (const [letter, original, other] of [
    ['x', 'x', 'qx'],
    ['w', 'weight', 'qweight'],
    ['o', 'y', 'qy'],
  ] as const) {
    const difference = createDifference();
    difference.add(of(original), of(other));
    near(`sqnr_${letter}`, '*', [difference.sqnrDb()]);
    near(`mse_${letter}`, '*', [difference.mse()]);
  }
  for (const [letter, name] of [
    ['x', 'x'],
    ['w', 'weight'],
  ] as const) {
    const moments = createMoments();
    moments.add(of(name));
    const found = moments.result();
    assert.ok(found !== null);
    near(`mean_${letter}`, '*', [found.mean]);
    near(`std_${letter}`, '*', [found.std]);
    near(`kurt_${letter}`, '*', [found.kurtosis]);
    near(`min_${letter}`, '*', [found.min]);
    near(`max_${letter}`, '*', [found.max]);
  }
  const identical = createDifference();
  identical.add(of('x'), of('x'));
  assert.equal(identical.sqnrDb(), goldenTensor(tensors, 'out.sqnr_identical').data[0]);
});
