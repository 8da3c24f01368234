// What arguments of the BCQ solver and weights mean, and how misuse is refused; the numbers are tested in kernels/solve/bcq, kernels/linear/bcq and test/golden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BcqOptions } from './binding.ts';
import { binding, bytesOf, rejects, wrong } from './testing.ts';

const options: BcqOptions = { bits: 2, groupSize: -1, rounds: 1, alphaType: 'f32' };
const source = (values: readonly number[], rows = 1) => ({ type: 'f32', rows, cols: values.length / rows, data: bytesOf(Float32Array.from(values)) }) as const;

test('a row that is a sum of two sign planes is found exactly, bit k of a plane being column k', async () => {
  const { planes, alpha, groups, mse } = await binding.quantizeBcq(source([3, 1, -1, -3, 3, 1, -3, -1]), options);
  assert.equal(groups, 1);
  assert.deepEqual([...alpha], [2, 1]);
  assert.deepEqual([...planes], [0b00110011, 0, 0, 0, 0b10010101, 0, 0, 0]);
  assert.equal(mse, 0);
});

test('codes become planes, lowest bit first, and the weights stay what they were', async () => {
  const matrix = { rows: 1, cols: 4, bits: 2, groupSize: 2, codes: Uint8Array.of(0, 1, 2, 3), scale: Float32Array.of(0.5, 2), zero: Float32Array.of(1, 2) };
  const { planes, alpha, qBias } = await binding.convertToBcq(matrix);
  assert.deepEqual([...alpha], [0.25, 0.5, 1, 2]);
  assert.deepEqual([...qBias], [0.25, -1]);
  assert.deepEqual([planes[0], planes[4]], [0b1010, 0b1100]);
  const spec = { codec: 'bcq', rows: 1, cols: 4, bits: 2, groupSize: 2, planes, alpha: { type: 'f32', data: bytesOf(alpha) } } as const;
  const weight = await binding.createWeight({ ...spec, qBias: { type: 'f32', data: bytesOf(qBias) } });
  assert.equal(weight.codec, 'bcq');
  assert.deepEqual([...(await weight.dequantize())], [-0.5, 0, 0, 2]);
  assert.deepEqual([...(await weight.matmul(Float32Array.of(1, 10, 100, 1000), 1))], [1999.5]);
});

test('what cannot be solved or computed on is refused with what can', async () => {
  const eight = source([1, 2, 3, 4, 5, 6, 7, 8]);
  await assert.rejects(binding.quantizeBcq(eight, { ...options, bits: wrong(5) }), /5 bits; 1, 2, 3 and 4 are supported/);
  await assert.rejects(binding.quantizeBcq(eight, { ...options, groupSize: 9 }), /group_size 9 of a matrix with 8 columns/);
  await assert.rejects(binding.quantizeBcq(source([1e6, 1e6]), { ...options, alphaType: 'f16' }), /row 0, group 0 is too large for f16/);
  await rejects(binding.quantizeBcq(eight, { ...options, rounds: -1 }), /rounds must be/);
  const codes = { rows: 1, cols: 2, bits: 2, groupSize: 2, codes: Uint8Array.of(0, 4), scale: Float32Array.of(1), zero: Float32Array.of(0) };
  await assert.rejects(binding.convertToBcq(codes), /row 0, column 1 does not fit 2 bits/);
  const spec = {
    codec: 'bcq',
    rows: 1,
    cols: 8,
    bits: 1,
    groupSize: 8,
    planes: new Uint8Array(4),
    alpha: { type: 'f32', data: bytesOf(Float32Array.of(1)) },
  } as const;
  await rejects(binding.createWeight({ ...spec, planes: new Uint8Array(8) }), /planes/);
  await rejects(binding.createWeight({ ...spec, bits: wrong(5) }), /bits must be/);
  await assert.rejects(binding.createWeight({ ...spec, gIdx: Int32Array.of(0, 0, 0, 1, 0, 0, 0, 0) }), /g_idx of column 3 is 1; there are 1 groups/);
});
