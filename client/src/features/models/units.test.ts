import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationWords, sizeWords } from './units.ts';

test('sizes keep three figures at most and change unit before four', () => {
  assert.deepEqual([0, 999, 31_478_456, 999_960_000, 13_500_000_000].map(sizeWords), ['0 B', '999 B', '31.5 MB', '1.0 GB', '13.5 GB']);
});

test('durations name the two largest units', () => {
  assert.deepEqual([0.42, 8.44, 59.4, 125, 3785].map(durationWords), ['0.4 s', '8.4 s', '59 s', '2 min 5 s', '1 h 3 min']);
});
