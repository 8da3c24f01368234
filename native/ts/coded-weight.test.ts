// Codes that are not integers on a line: values of a table and 8-bit floats.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { F8WeightSpec, QrazorWeightSpec, Table4WeightSpec } from './binding.ts';
import { binding, rejects, wrong } from './testing.ts';

const table = Float32Array.from({ length: 16 }, (_, index) => (index - 7) / 8);

const table4 = (change: Partial<Table4WeightSpec> = {}): Table4WeightSpec => ({
  codec: 'table4',
  rows: 2,
  cols: 8,
  block: 8,
  codes: Uint8Array.from([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]),
  absmax: Float32Array.from([8, 16]),
  table,
  ...change,
});

test('codes of a table mean table[code] times the absmax of their block, the high nibble first', async () => {
  const weight = await binding.createWeight(table4());
  assert.deepEqual([weight.codec, weight.rows, weight.cols], ['table4', 2, 8]);
  assert.deepEqual([...(await weight.dequantize())], [-7, -6, -5, -4, -3, -2, -1, 0, 2, 4, 6, 8, 10, 12, 14, 16]);
  const two = await binding.createWeight(table4({ block: 4096, absmax: Float32Array.from([8]) }));
  assert.deepEqual([...(await two.matmul(Float32Array.from([1, 0, 0, 0, 0, 0, 0, 1]), 1))], [-7, 9]);
});

test('specs of tables that do not add up are refused with the field', async () => {
  await rejects(binding.createWeight(table4({ codes: new Uint8Array(7) })), /spec\.codes has 7 bytes, but needs 8/);
  await rejects(binding.createWeight(table4({ absmax: new Float32Array(3) })), /spec\.absmax has 3 elements, but needs 2/);
  await rejects(binding.createWeight(table4({ table: new Float32Array(15) })), /spec\.table has 15 elements, but needs 16/);
  await rejects(binding.createWeight(table4({ block: 0 })), /spec\.block must be an integer from 1/);
  await assert.rejects(binding.createWeight(table4({ block: 12, absmax: new Float32Array(2) })), /change every 4 columns; a multiple of 8/);
});

const f8 = (change: Partial<F8WeightSpec> = {}): F8WeightSpec => ({
  codec: 'f8',
  type: 'e4m3',
  rows: 2,
  cols: 3,
  data: Uint8Array.from([0x38, 0xb8, 0x7e, 0x01, 0x00, 0x40]),
  scale: Float32Array.from([2, 4, 8, 16]),
  scaleRows: 1,
  scaleCols: 2,
  ...change,
});

test('8-bit floats are scaled tile by tile, and are computed on where they lie', async () => {
  const weight = await binding.createWeight(f8());
  assert.deepEqual([weight.codec, weight.rows, weight.cols, weight.bytes], ['f8', 2, 3, 22]);
  assert.deepEqual([...(await weight.dequantize())], [2, -2, 448 * 4, 8 / 512, 0, 32]);
  assert.deepEqual([...(await weight.matmul(Float32Array.from([1, 0, 1]), 1, Float32Array.from([1, 0])))], [3 + 448 * 4, 32 + 8 / 512]);
  const wide = await binding.createWeight(f8({ type: 'e5m2', scale: Float32Array.of(0.5), scaleRows: 128, scaleCols: 128 }));
  assert.deepEqual([...(await wide.dequantize())].slice(0, 2), [0.25, -0.25]);
});

test('specs of 8-bit floats that do not add up are refused with the field', async () => {
  await rejects(binding.createWeight(f8({ data: new Uint8Array(5) })), /spec\.data has 5 bytes, but needs 6/);
  await rejects(binding.createWeight(f8({ scale: new Float32Array(2) })), /spec\.scale has 2 elements, but needs 4/);
  await rejects(binding.createWeight(f8({ type: wrong('e3m4') })), /type must be one of 'e4m3', 'e5m2', not 'e3m4'/);
  await assert.rejects(binding.createWeight(f8({ scale: Float32Array.from([1, Number.NaN, 1, 1]) })), /scale nan of tile \(0, 1\) is not finite/);
});

const qrazor = (change: Partial<QrazorWeightSpec> = {}): QrazorWeightSpec => ({
  codec: 'qrazor',
  rows: 2,
  cols: 8,
  groupSize: 8,
  axis: 'inputs',
  baseBits: 8,
  bits: 4,
  codes: Int8Array.from([-8, 7, 0, 1, 2, 3, 4, 5, -1, -2, -3, -4, -5, -6, -7, 6]),
  shifts: Uint8Array.of(4, 0),
  scale: Float32Array.of(0.5, 2),
  ...change,
});

test('razored codes mean code times two to the shift of their group times the scale of their row', async () => {
  const weight = await binding.createWeight(qrazor());
  assert.deepEqual([weight.codec, weight.rows, weight.cols], ['qrazor', 2, 8]);
  const wanted = [-64, 56, 0, 8, 16, 24, 32, 40, -2, -4, -6, -8, -10, -12, -14, 12];
  assert.deepEqual([...(await weight.dequantize())], wanted);
  assert.deepEqual([...(await weight.matmul(Float32Array.of(1, 0, 0, 0, 0, 0, 0, 1), 1))], [-24, 10]);
  const words = await binding.packRows(
    Uint8Array.from(qrazor().codes as Int8Array, (code) => code + 8),
    2,
    8,
    4,
  );
  const stored = await binding.createWeight(qrazor({ codes: { layout: 'rows', bits: 4, signed: true, data: words } }));
  assert.deepEqual([...(await stored.dequantize())], wanted);
  const outputs = await binding.createWeight(qrazor({ axis: 'outputs', shifts: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 2) }));
  assert.deepEqual([...(await outputs.matmul(Float32Array.of(1, 0, 0, 0, 0, 0, 0, 1), 1))], [2, 44]);
});

test('specs of razored codes that do not add up are refused with the field', async () => {
  await rejects(binding.createWeight(qrazor({ shifts: new Uint8Array(3) })), /spec\.shifts has 3 elements, but needs 2/);
  await rejects(binding.createWeight(qrazor({ scale: new Float32Array(1) })), /spec\.scale has 1 elements, but needs 2/);
  await rejects(binding.createWeight(qrazor({ axis: wrong('rows') })), /axis must be one of 'inputs', 'outputs', not 'rows'/);
  await assert.rejects(binding.createWeight(qrazor({ shifts: Uint8Array.of(6, 0) })), /4 of 8 bits are shifted by 5 at most/);
});
