// What arguments of rounding to 16 values mean; numbers are tested in kernels/solve/table4 and test/golden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binding, bytesOf, rejects, wrong } from './testing.ts';

const source = { type: 'f32', rows: 1, cols: 8, data: bytesOf(Float32Array.of(12, -12, 6, 0, 2.4, 2.6, 0.01, 5)) } as const;

test('every weight becomes the nearest value times the scale of its group', async () => {
  const inc = await binding.quantizeTable4(source, { type: 'fp4', dialect: 'inc', groupSize: -1, scaleType: 'f32' });
  assert.deepEqual([...inc.scale], [1]);
  // 5 lies in the middle between 4 and 6, and goes down.
  assert.deepEqual(
    [...inc.codes].flatMap((byte) => [inc.values[byte >> 4], inc.values[byte & 15]]),
    [12, -12, 6, 0, 2, 3, 0, 4],
  );
  const other = await binding.quantizeTable4(source, { type: 'fp4', dialect: 'bitsandbytes', groupSize: -1, scaleType: 'f32' });
  assert.deepEqual([...other.scale], [12]);
  assert.deepEqual([...other.codes], [0x3b, 0x50, 0x67, 0x84]);
  const halves = await binding.quantizeTable4(source, { type: 'nf4', dialect: 'inc', groupSize: 4, scaleType: 'f16', mse: true });
  assert.equal(halves.groups, 2);
});

test('a type or dialect that is none is refused', async () => {
  const options = { type: 'nf4', dialect: 'inc', groupSize: 8, scaleType: 'f32' } as const;
  await rejects(binding.quantizeTable4(source, { ...options, type: wrong('nf3') }), /type must be one of 'nf4', 'fp4', not 'nf3'/);
  await assert.rejects(binding.quantizeTable4(source, { ...options, dialect: 'bitsandbytes', mse: true }), /only the dialect inc searches/);
  await assert.rejects(binding.quantizeTable4(source, { ...options, groupSize: 16 }), /group_size 16 of a matrix with 8 columns/);
});
