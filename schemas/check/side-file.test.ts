// The side file: what it says, what it cannot say, and which findings it quiets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Finding } from './finding.ts';
import { matchesGlob } from './glob-match.ts';
import { noSideFile, readSideFile, withoutSuppressed } from './side-file.ts';

const finding = (code: string, path: readonly (string | number)[] = []): Finding => ({
  code,
  severity: 'error',
  message: code,
  range: { start: 0, end: 1 },
  path,
  supportRule: null,
  source: null,
  fixes: [],
});

test('severities and suppressions are read, with comments and trailing commas', () => {
  const { severity, suppress, problems } = readSideFile(`{
    // quiet
    "severity": {"QC012": "error", "QC001": "off"},
    "suppress": [{"file": "models/**", "code": "QC012", "path": "a.b", "reason": "old tool"},],
  }`);
  assert.deepEqual(severity, { QC012: 'error', QC001: 'off' });
  assert.deepEqual(suppress, [{ file: 'models/**', code: 'QC012', path: 'a.b' }]);
  assert.deepEqual(problems, []);
});

test('what cannot be used is told, and the rest holds', () => {
  const slips: readonly (readonly [string, RegExp])[] = [
    ['', /must hold an object/],
    ['[1]', /must hold an object/],
    ['{"severty": {}}', /unknown key "severty"; did you mean "severity"/],
    ['{"severity": {"QC012": "loud"}}', /severity of QC012 must be one of error, warning, information, hint, off, not "loud"/],
    ['{"severity": {"QC999": "off"}}', /no diagnostic "QC999"/],
    ['{"severity": "off"}', /"severity" must be an object/],
    ['{"suppress": {}}', /"suppress" must be a list/],
    ['{"suppress": [{"code": "QC012"}]}', /suppress\[0\] names no file/],
    ['{"suppress": [{"file": "a", "cod": "QC012"}]}', /unknown key "cod"; did you mean "code"/],
    ['{"suppress": [{"file": "a", "code": "QC9"}]}', /no diagnostic "QC9"/],
    ['{"suppress": [{"file": "a"} {"file": "b"}]}', /not valid JSON: The comma/],
  ];
  for (const [text, words] of slips) {
    const { problems } = readSideFile(text);
    assert.match(problems.join('\n'), words, text);
  }
  assert.deepEqual(readSideFile('{"severity": {"QC999": "off", "QC001": "hint"}, "suppress": [7]}').severity, { QC001: 'hint' });
});

test('a suppression with a slip hides nothing', () => {
  const side = readSideFile('{"suppress": [{"file": "**", "code": "QC9"}, {"file": "**", "pfad": "bits"}]}');
  assert.equal(withoutSuppressed([finding('QC001'), finding('QC012')], side, 'a/config.json').length, 2);
});

test('a suppression quiets its code, its place and its files only', () => {
  const side = readSideFile(
    '{"suppress": [{"file": "old/**/config.json", "code": "QC012"}, {"file": "*.quant.json", "path": "overrides"}, {"file": "third-party"}]}',
  );
  const found = [finding('QC012', ['w_bit']), finding('QC001', ['overrides', 'x', 'group_size']), finding('QC001', ['overrides_2'])];
  const left = (file: string): readonly string[] => withoutSuppressed(found, side, file).map(({ code, path }) => `${code} ${path.join('.')}`);
  assert.deepEqual(left('old/a/b/config.json'), ['QC001 overrides.x.group_size', 'QC001 overrides_2']);
  assert.deepEqual(left('old/config.json').length, 2);
  assert.deepEqual(left('older/a/config.json').length, 3);
  assert.deepEqual(left('a/b/job.quant.json'), ['QC012 w_bit', 'QC001 overrides_2']);
  assert.deepEqual(left('third-party/deep/config.json'), []);
  assert.equal(withoutSuppressed(found, noSideFile, 'a').length, 3);
});

test('globs', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['**/config.json', 'config.json', true],
    ['**/config.json', 'a/b/config.json', true],
    ['**/config.json', 'myconfig.json', false],
    ['*.json', 'a/x.json', true],
    ['a/*.json', 'a/b/x.json', false],
    ['a/**', 'a/b/x.json', true],
    ['a/**/x.json', 'a/x.json', true],
    ['./a', 'a/b', true],
    ['a', 'ab/c', false],
    ['a/?.json', 'a/x.json', true],
    ['a/?.json', 'a/xy.json', false],
    ['{a,b{c,d}}/*', 'bd/x', true],
    ['{a,b}/*', 'c/x', false],
    ['m/[a-c]x', 'm/bx', true],
    ['m/[!a-c]x', 'm/bx', false],
    ['m/[a', 'm/[a', true],
    ['m/{a', 'm/{a', true],
    ['a.json', 'aXjson', false],
  ];
  for (const [glob, path, expected] of cases) assert.equal(matchesGlob(glob, path), expected, `${glob} ${path}`);
});

test('no text and no glob throws or takes long', () => {
  const start = performance.now();
  const letters = fc.string({ unit: fc.constantFrom(...'ab/*?{}[],!-.'), maxLength: 120 });
  fc.assert(
    fc.property(letters, letters, (glob, path) => {
      matchesGlob(glob, path);
    }),
    { numRuns: 300 },
  );
  matchesGlob('*a'.repeat(60), 'a'.repeat(400));
  matchesGlob('{a,b}'.repeat(100), 'a'.repeat(400));
  matchesGlob('{'.repeat(900), 'a');
  fc.assert(fc.property(fc.json(), (text) => Array.isArray(readSideFile(text).problems)));
  assert.ok(performance.now() - start < 5000);
});
