// What arguments of the QRazor quantizer mean, and how misuse is refused; its numbers are tested in kernels/solve/qrazor and test/golden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QrazorOptions } from './binding.ts';
import { binding, bytesOf, rejects, wrong } from './testing.ts';

const options: QrazorOptions = { baseBits: 8, bits: 4, groupSize: 8, rule: 'qllm' };
const source = (values: readonly number[], rows = 1) => ({ type: 'f32', rows, cols: values.length / rows, data: bytesOf(Float32Array.from(values)) }) as const;

test('the largest integer of a group decides where its four bits begin', async () => {
  const [a, b] = [
    [127, 8, -120, 4, 0, 12, -9, 63],
    [7, -3, 0, 1, 2, 3, 4, 5],
  ] as const;
  const result = await binding.quantizeQrazor(source([...a, ...b]), options);
  assert.deepEqual([...result.scale], [1]);
  assert.deepEqual([...result.shifts], [4, 0]);
  assert.deepEqual([...result.codes], [7, 0, -8, 0, 0, 1, -1, 4, ...b]);
  assert.deepEqual([...(await binding.quantizeQrazor(source([...a, ...b]), { ...options, rule: 'original' })).codes].slice(0, 3), [7, 0, -7]);
});

test('inside GPTQ without anything to make up for, groups lie along outputs when asked', async () => {
  const eye = Float32Array.from({ length: 64 }, (_, at) => (at % 9 === 0 ? 1 : 0));
  const factor = await binding.factorHessian(eye, 8, { scale: 1, dampPercent: 0.01, descAct: false });
  const values = Array.from({ length: 128 }, (_, at) => (at % 8 === 0 ? 127 : at % 8));
  const result = await binding.quantizeQrazor(source(values, 16), { ...options, axis: 'outputs' }, factor);
  assert.deepEqual([...result.shifts], [4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...result.codes.slice(0, 8)], [7, 1, 2, 3, 4, 5, 6, 7]);
  const along = await binding.quantizeQrazor(source(values, 16), options, factor);
  assert.equal(along.shifts.length, 16);
  assert.ok(along.shifts.every((shift) => shift === 4));
});

test('options that do not go together are refused with what to do', async () => {
  const sixteen = source(Array.from({ length: 16 }, (_, at) => at));
  await assert.rejects(binding.quantizeQrazor(sixteen, { ...options, groupSize: 32 }), /group_size 32 does not divide the 16 columns/);
  await assert.rejects(binding.quantizeQrazor(sixteen, { ...options, axis: 'outputs' }), /only inside GPTQ can they lie along outputs/);
  await assert.rejects(binding.quantizeQrazor(sixteen, { ...options, bits: 3, rule: 'original' }), /use the rule qllm/);
  await rejects(binding.quantizeQrazor(sixteen, { ...options, rule: wrong('nearest') }), /rule must be one of 'qllm', 'original', not 'nearest'/);
  await rejects(binding.quantizeQrazor(sixteen, options, wrong({ width: 8 })), /factor\.width must be/);
});
