// What arguments of the SpQR quantizer mean, and how misuse is refused; its numbers are tested in kernels/solve/spqr and test/golden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HessianFactor, SpqrOptions } from './binding.ts';
import { binding, bytesOf, rejects, wrong } from './testing.ts';

const options: SpqrOptions = { bits: 3, groupSize: 16, scaleBits: 3, zeroBits: 3, statGroup: 16, outlierThreshold: 0.2, statType: 'f16', valueType: 'f16' };
const [rows, cols] = [32, 32];
const values = Float32Array.from({ length: rows * cols }, (_, at) => Math.sin(at * at));
values[5 * cols + 9] = 40;
const source = { type: 'f32', rows, cols, data: bytesOf(values) } as const;

/** Without anything to make up for. */
function factor(): Promise<HessianFactor> {
  const eye = Float32Array.from({ length: cols * cols }, (_, at) => (at % (cols + 1) === 0 ? 1 : 0));
  return binding.factorHessian(eye, cols, { scale: 1, dampPercent: 0.01, descAct: false, dampFirst: true });
}

test('a weight far from the others is kept apart, and comes back through the kernels', async () => {
  const result = await binding.quantizeSpqr(source, await factor(), options);
  const [begin = 0, end = 0] = [result.rowBegin[5], result.rowBegin[6]];
  const at = result.columns.subarray(begin, end).indexOf(9);
  assert.ok(at >= 0, 'no outlier at [5, 9]');
  const group = 5 * result.groups;
  const code = result.codes[5 * cols + 9] ?? Number.NaN;
  const restored = (code - (result.zero[group] ?? 0)) * (result.scale[group] ?? 0) + (result.values[begin + at] ?? 0);
  assert.ok(Math.abs(restored - 40) < 0.05, `${restored}`);
  assert.equal(result.averageBits, 3 + 6 / 16 + 64 / 256 + (32 * result.columns.length) / (rows * cols));
});

test('without a threshold nothing is kept apart, and a target finds one', async () => {
  const { outlierThreshold: _, ...none } = options;
  assert.equal((await binding.quantizeSpqr(source, await factor(), none)).columns.length, 0);
  const found = await binding.quantizeSpqr(source, await factor(), { ...none, targetBits: 4.2 });
  assert.ok(found.averageBits <= 4.2 && found.averageBits > 4.1, `${found.averageBits}`);
  assert.ok(found.relativeThreshold > 0 && Number.isFinite(found.relativeThreshold));
});

test('options that do not go together are refused with what to do', async () => {
  const made = await factor();
  await assert.rejects(binding.quantizeSpqr(source, made, { ...options, groupSize: 48 }), /group_size 48 must divide 128/);
  await assert.rejects(binding.quantizeSpqr(source, made, { ...options, zeroBits: 0 }), /scales of 3 and zeros of 0 bits/);
  await assert.rejects(binding.quantizeSpqr(source, made, { ...options, targetBits: 3 }), /3 bits a weight cannot be met: codes, scales and zeros take 3\.625/);
  await assert.rejects(binding.quantizeSpqr(source, made, { ...options, statGroup: 24 }), /it must divide 32/);
  await rejects(binding.quantizeSpqr(source, made, { ...options, statType: wrong('f64') }), /statType must be one of/);
  await rejects(binding.quantizeSpqr(source, wrong({ width: 8 }), options), /factor\.width must be/);
});

test('a stored weight whose parts do not fit is refused by what is wrong', async () => {
  const spec = {
    codec: 'spqr',
    rows: 16,
    cols: 32,
    bits: 2,
    groupSize: 16,
    scaleBits: 1,
    zeroBits: 1,
    codes: new Uint8Array(16 * 8),
    second: new Uint8Array(2 * 8),
    levels: new Uint8Array(2 * 4),
    outliers: { count: 0, counts: new Uint8Array(32), columns: new Uint8Array(), values: new Uint8Array() },
  } as const;
  assert.equal((await binding.createWeight(spec)).codec, 'spqr');
  await rejects(binding.createWeight({ ...spec, second: new Uint8Array(15) }), /second/);
  await rejects(binding.createWeight({ ...spec, gIdx: new Int32Array(32).fill(2) }), /g_idx\[0\] = 2, but there are 2 groups/);
  const one = { count: 1, counts: new Uint8Array(32), columns: new Uint8Array(2), values: new Uint8Array(2) };
  await rejects(binding.createWeight({ ...spec, outliers: one }), /rows count 0 outliers, but there are 1/);
});
