import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { binding, bytesOf, rejects, wrong } from './testing.ts';

const source = { type: 'f32', rows: 2, cols: 3, data: bytesOf(Float32Array.of(1, -2, 3, -4, 5, -6)) } as const;
const rounding = { dialect: 'awq', bits: 4, symmetric: false, groupSize: 3, scaleType: 'f32' } as const;

describe('editMatrix, statistics of columns and the searches of AWQ', () => {
  test('editMatrix multiplies and clips, and gives the band that is asked for', async () => {
    const edit = { columns: Float32Array.of(1, 2, 1), rows: Float32Array.of(1, 0.5), clip: { groupSize: 2, limits: Float32Array.of(3, 2, 9, 2) } };
    assert.deepEqual([...(await binding.editMatrix(source, edit))], [1, -3, 2, -2, 5, -2]);
    assert.deepEqual([...(await binding.editMatrix(source, { ...edit, firstRow: 1, rowCount: 1 }))], [-2, 5, -2]);
    const low = { clip: { groupSize: 3, limits: Float32Array.of(9, 9), low: Float32Array.of(-1, 0) } };
    assert.deepEqual([...(await binding.editMatrix(source, low))], [1, -1, 3, 0, 5, 0]);
    await rejects(binding.editMatrix(source, { columns: Float32Array.of(1) }), /edit\.columns has 1 .*3/);
    await rejects(binding.editMatrix(source, { firstRow: 3 }), /firstRow/);
    await rejects(binding.editMatrix(source, { clip: { groupSize: wrong(0), limits: new Float32Array(2) } }), /groupSize/);
  });

  test('magnitudes, ranges and errors', async () => {
    assert.deepEqual([...(await binding.columnMagnitudes(source, 'max'))], [4, 5, 6]);
    assert.deepEqual([...(await binding.columnMagnitudes(source, 'mean'))], [2.5, 3.5, 4.5]);
    const { low, high } = await binding.groupRanges(source, 2);
    assert.deepEqual(
      [[...low], [...high]],
      [
        [-2, 0, -4, -6],
        [1, 3, 5, 0],
      ],
    );
    assert.equal(await binding.meanSquaredError(Float32Array.of(1, 2), Float32Array.of(0, 4)), 2.5);
    await rejects(binding.columnMagnitudes(source, wrong('median')), /statistic must be one of/);
    await rejects(binding.meanSquaredError(Float32Array.of(1), Float32Array.of(1, 2)), /b has 2/);
  });

  test('AWQ: sums, rounding with scales, clips', async () => {
    const sums = await binding.awqWeightSums(source, { groupSize: -1, epsilon: 0 });
    assert.ok(Math.abs((sums[0] ?? 0) - (1 / 3 + 4 / 6)) < 1e-6);
    const rounded = await binding.awqFakeQuantize(source, Float32Array.of(1, 2, 1), rounding);
    assert.ok([...rounded].every((value, index) => Math.abs(value - ([1, -2, 3, -4, 5, -6][index] ?? Number.NaN)) < 0.6));
    const inputs = Float32Array.of(1, 0, 0, 0, 1, 0);
    const limits = await binding.awqClip(source, inputs, rounding, { grid: 20, maxShrink: 0.5 });
    assert.equal(limits.length, 2);
    assert.ok([...limits].every((limit, row) => limit <= (row + 1) * 3 && limit >= (row + 1) * 1.5));
    await rejects(binding.awqClip(source, Float32Array.of(1), rounding, { grid: 20, maxShrink: 0.5 }), /whole rows of 3/);
    await rejects(binding.awqFakeQuantize(source, Float32Array.of(1), rounding), /scale has 1/);
  });
});
