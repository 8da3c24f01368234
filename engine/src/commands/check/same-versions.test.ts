import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '@quantwright/schemas/check/finding';
import { acrossVersions } from './same-versions.ts';

const finding = (message: string, start = 0): Finding => ({
  code: 'QC017',
  severity: 'information',
  message,
  range: { start, end: start + 1 },
  path: [],
  supportRule: null,
  source: null,
  fixes: [],
});
const messages = (findings: readonly Finding[], versions: readonly string[]): readonly string[] =>
  acrossVersions(findings, versions).map(({ message }) => message);

test('findings that differ in the version alone become one', () => {
  const versions = ['0.10', '0.1', '0.11'];
  assert.deepEqual(messages([finding('nothing about 0.10.'), finding('other'), finding('nothing about 0.11.'), finding('nothing about 0.1')], versions), [
    'nothing about 0.10. The same for 0.11.',
    'other',
    'nothing about 0.1',
  ]);
  const many = ['1.0', '1.1', '1.2', '1.3', '1.4', '1.5', '1.6'];
  assert.deepEqual(
    messages(
      many.map((version) => finding(`not in ${version}`)),
      many,
    ),
    ['not in 1.0 The same for 1.1, 1.2, 1.3, 1.4 and 2 more.'],
  );
});

test('places, other numbers and a single version stay apart', () => {
  assert.equal(messages([finding('in 0.10', 0), finding('in 0.11', 5)], ['0.10', '0.11']).length, 2);
  assert.equal(messages([finding('needs 8.9 in 0.10'), finding('needs 9.0 in 0.11')], ['0.10', '0.11']).length, 2);
  assert.equal(messages([finding('v10.10'), finding('v10.11')], ['0.10', '0.11']).length, 2);
  assert.equal(messages([finding('in 0.10'), finding('in 0.11')], ['0.10']).length, 2);
});
