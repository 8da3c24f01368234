import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareWith, type Tolerance } from './tolerance.ts';

const rows: readonly [string, Tolerance, number[], number[], boolean][] = [
  ['exact accepts equal integers', { rule: 'exact' }, [1, 2], [1, 2], true],
  ['exact takes -0 for 0', { rule: 'exact' }, [-0], [0], true],
  ['exact refuses one differing code', { rule: 'exact' }, [1, 3], [1, 2], false],
  ['allclose is relative to the expected value', { rule: 'allclose', rtol: 0.01, atol: 0 }, [101], [100], true],
  ['allclose refuses NaN', { rule: 'allclose', rtol: 1, atol: 1 }, [Number.NaN], [1], false],
  ['mismatch_fraction counts differing elements', { rule: 'mismatch_fraction', max: 0.5 }, [1, 9], [1, 2], true],
  ['mismatch_fraction refuses too many', { rule: 'mismatch_fraction', max: 0.4 }, [1, 9], [1, 2], false],
  ['relative_frobenius compares norms', { rule: 'relative_frobenius', max: 0.1 }, [3, 4.4], [3, 4], true],
  ['relative_frobenius refuses a larger one', { rule: 'relative_frobenius', max: 0.05 }, [3, 4.4], [3, 4], false],
  ['a missing element is never accepted', { rule: 'allclose', rtol: 1, atol: 1 }, [1], [1, 1], false],
  ['nothing is never accepted', { rule: 'exact' }, [], [], false],
];

for (const [name, tolerance, actual, expected, ok] of rows) {
  test(name, () => assert.equal(compareWith(tolerance, actual, expected).ok, ok));
}
