import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteSize, integer, number } from './option-values.ts';

test('sizes have binary and decimal units', () => {
  assert.deepEqual(['2GiB', '512MiB', '1.5GB', '1000', '64k'].map(byteSize), [2 ** 31, 2 ** 29, 1.5e9, 1000, 64000]);
});

test('what is no size, integer or number in range is refused', () => {
  for (const text of ['', 'GiB', '2 parsecs', '0', '-1']) assert.throws(() => byteSize(text), /must be a size/);
  for (const text of ['1.5', 'x', '0']) assert.throws(() => integer(1)(text), /at least 1/);
  for (const text of ['', '2', 'NaN']) assert.throws(() => number(0, 1)(text), /from 0 to 1/);
  assert.throws(() => number(0, 1, 'above')('0'), /above 0, up to 1/);
});
