// Version ranges of support rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inRange } from './version-range.ts';

test('versions compare part by part, and no version means the newest', () => {
  const cases: readonly (readonly [string | null, string | null, boolean])[] = [
    ['2.1', '>=2.0', true],
    ['2.10', '>=2.9', true],
    ['1.9', '>=2.0', false],
    ['0.12', '>=0.9 <0.14', true],
    ['0.14', '>=0.9 <0.14', false],
    [null, '>=2.0', true],
    [null, '>=0.10 <0.11', false],
    [null, '0.14', false],
    [null, null, true],
    ['0.10.2', '>=0.10 <0.11', true],
    ['0.11', '>=0.10 <0.11', false],
    ['1', null, true],
    ['2.0', '=2', true],
  ];
  for (const [version, range, expected] of cases) {
    assert.equal(inRange(version, range), expected, `${version} ${range}`);
  }
});
