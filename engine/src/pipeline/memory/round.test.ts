import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { phaseBytes } from './phase.ts';
import { bandsOf, type RoundedMatrix, roundDemand } from './round.ts';

const mib = 2 ** 20;
/** Group 128, 4 bits, scales and zeros in 16 bits. */
function matrix(rows: number, cols: number): RoundedMatrix {
  const groups = Math.ceil(cols / 128);
  return { module: 'm', rows, cols, groups, elementBytes: 2, packedBytes: rows * (Math.ceil(cols / 8) * 4 + groups * 4) };
}

test('without a limit no matrix needs more than a band, whatever its size', () => {
  const bytes = (rows: number, cols: number): number => phaseBytes(roundDemand([matrix(rows, cols)], 2).memory(Number.POSITIVE_INFINITY));
  assert.ok(bytes(32_000, 4096) < 64 * mib);
  assert.ok(bytes(256_000, 8192) < 64 * mib);
  assert.ok(bytes(64, 64) < mib);
});

test('what is planned stays in the budget wherever 32 rows fit, and bands are what the kernel takes', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: 1, max: 30_000 }));
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 64 }), fc.integer({ min: 0, max: 256 }), ([rows, cols], threads, budget) => {
      const one = matrix(rows, cols);
      const demand = roundDemand([one], threads);
      const least = phaseBytes(demand.memory(0));
      const bytes = budget * mib;
      assert.ok(phaseBytes(demand.memory(bytes)) <= Math.max(bytes, least) + 1);
      const { bandRows, stepRows } = bandsOf(one, bytes, threads);
      assert.equal(bandRows % 32, 0);
      assert.equal(stepRows % 32, 0);
      assert.ok(stepRows <= bandRows);
    }),
  );
});

test('the largest of several matrices is told of', () => {
  assert.equal(roundDemand([matrix(64, 64), { ...matrix(4096, 4096), module: 'large' }], 2).memory(1e9).at, 'large');
});
