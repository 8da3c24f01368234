// QC013: types, ranges and settings that exclude each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

const RTN = { quant_method: 'rtn', weight_format: 'int8' };

test('a number in quotes loses them', () => {
  assert.deepEqual(fixed('QC013', { ...RTN, group_size: '128' }), { ...RTN, group_size: 128 });
});

test('values out of range name the limit', () => {
  assert.match(findings('QC013', { ...RTN, damp_percent: 1 })[0]?.message ?? '', /"damp_percent" is 1; it must be < 1/);
  assert.match(findings('QC013', { ...RTN, group_size: -5 })[0]?.message ?? '', /must be >= -1/);
});

test('settings of another method are removed', () => {
  const config = { quant_method: 'instant_quant', weight_format: 'int8' };
  for (const extra of [{ symmetric: true }, { dialect: 'ist' }, { mse_search: true }]) {
    assert.deepEqual(fixed('QC013', { ...config, ...extra }), config);
  }
});

test('the dialect without symmetric codes has the key removed, and is asymmetric without it', () => {
  const config = { ...RTN, dialect: 'dashinfer_cpu' };
  for (const extra of [{ symmetric: true }, { sym: true }]) assert.deepEqual(fixed('QC013', { ...config, ...extra }), config);
  assert.deepEqual(findings('QC013', { ...config, symmetric: false }), []);
});

test('full_range asks for its dialect', () => {
  assert.deepEqual(fixed('QC013', { ...RTN, full_range: true }), { ...RTN, full_range: true, dialect: 'inc' });
});

test('a config that is a list is told to be an object', () => {
  assert.match(findings('QC013', '[1]')[0]?.message ?? '', /The config is \[1\], a list; it must be an object/);
});

test('null where a value belongs becomes the default, and a fraction is not rounded for people', () => {
  assert.match(findings('QC013', { ...RTN, group_size: null })[0]?.message ?? '', /^"group_size" is null; it must be an integer\.$/);
  assert.deepEqual(fixed('QC013', { ...RTN, group_size: null }), { ...RTN, group_size: -1 });
  assert.deepEqual(findings('QC013', { ...RTN, group_size: 128.5 })[0]?.fixes, []);
});
