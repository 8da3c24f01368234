import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '@quantwright/schemas/check/finding';
import { lineIndex } from './line-index.ts';
import { type CheckedFile, summaryOf } from './located.ts';
import { pathUri, portablePath } from './printed-path.ts';
import { printers } from './report.ts';

const text = '{\n  "group_size": 100,\n  "bits": 5\n}\n';
const finding = (part: string, more: Partial<Finding> = {}): Finding => ({
  code: 'QC001',
  severity: 'error',
  message: 'no\nway',
  path: [],
  supportRule: null,
  source: null,
  fixes: [{ title: 'Use 128', edits: [], preferred: true }],
  range: { start: text.indexOf(part), end: text.indexOf(part) + part.length },
  ...more,
});
const nowhere = { docsUrl: null };
const file: CheckedFile = {
  path: 'a b/c,d.quant.json',
  text,
  suppressed: 0,
  matrix: null,
  result: {
    format: 'quantwright',
    tree: null,
    recipe: null,
    origins: {},
    model: null,
    verdicts: [],
    findings: [finding('100'), finding('5', { code: 'QC005', severity: 'warning', message: 'hm' })],
  },
};

test('lines and columns count from 1, in UTF-16 code units', () => {
  const place = lineIndex('a\n😀b\n');
  assert.deepEqual(
    [place(0), place(1), place(2), place(4), place(6)].map(({ line, column }) => `${line}:${column}`),
    ['1:1', '1:2', '2:1', '2:3', '3:1'],
  );
});

test('text names file, line and column as compilers do, with fixes and a summary', () => {
  assert.equal(
    printers.text([file], nowhere),
    'a b/c,d.quant.json:2:17: error QC001: no\nway\n    fix: Use 128\na b/c,d.quant.json:3:11: warning QC005: hm\n    fix: Use 128\n1 config checked: 1 error, 1 warning\n',
  );
});

test('json holds every finding with its place and the counts', () => {
  const document = JSON.parse(printers.json([file], nowhere));
  assert.deepEqual(document.summary, { files: 1, errors: 1, warnings: 1, information: 0, hints: 0, suppressed: 0 });
  assert.deepEqual(
    document.files[0].findings.map((row: { code: string; start: unknown }) => [row.code, row.start]),
    [
      ['QC001', { line: 2, column: 17 }],
      ['QC005', { line: 3, column: 11 }],
    ],
  );
});

test('sarif gives each result a rule that the driver lists, and a region', () => {
  const [run] = JSON.parse(printers.sarif([file], nowhere)).runs;
  assert.deepEqual(
    run.tool.driver.rules.map((rule: { id: string; name: string; helpUri?: string }) => [rule.id, rule.name, rule.helpUri]),
    [
      ['QC001', 'group-divides-k', undefined],
      ['QC005', 'bits-sym', undefined],
    ],
  );
  assert.deepEqual(
    run.results.map((row: { ruleIndex: number; level: string }) => [row.ruleIndex, row.level]),
    [
      [0, 'error'],
      [1, 'warning'],
    ],
  );
  assert.deepEqual(run.results[0].locations[0].physicalLocation, {
    artifactLocation: { uri: 'a%20b/c%2Cd.quant.json' },
    region: { startLine: 2, startColumn: 17, endLine: 2, endColumn: 20 },
  });
});

test('a line break or comma cannot break a workflow command', () => {
  assert.equal(printers.github([file], nowhere).split('\n')[0], '::error file=a b/c%2Cd.quant.json,line=2,endLine=2,col=17,endColumn=20,title=QC001::no%0Away');
});

test('the summary counts over files', () => {
  assert.deepEqual(summaryOf([file, { ...file, suppressed: 3 }]), { files: 2, errors: 2, warnings: 2, information: 0, hints: 0, suppressed: 3 });
});

test('sarif holds what a fix replaces, the source and the page of a rule, and no fix that changes nothing', () => {
  const fixes = [
    { title: 'Use 128', edits: [{ kind: 'set' as const, path: ['group_size'], value: 128 }], preferred: true },
    { title: 'Nothing', edits: [], preferred: false },
  ];
  const fixed: CheckedFile = { ...file, result: { ...file.result, findings: [finding('100', { fixes, source: 'a/b c.py', supportRule: 'DI-07' })] } };
  const [run] = JSON.parse(printers.sarif([fixed], { docsUrl: 'https://docs.example/d' })).runs;
  assert.equal(run.tool.driver.rules[0].helpUri, 'https://docs.example/d/QC001.md');
  const [result] = run.results;
  assert.deepEqual(result.fixes, [
    {
      description: { text: 'Use 128' },
      artifactChanges: [
        {
          artifactLocation: { uri: 'a%20b/c%2Cd.quant.json' },
          replacements: [{ deletedRegion: { startLine: 2, startColumn: 17, endLine: 2, endColumn: 20 }, insertedContent: { text: '128' } }],
        },
      ],
    },
  ]);
  assert.equal(result.message.text, 'no\nway\nSource: a/b c.py');
  assert.deepEqual(result.properties, { supportRule: 'DI-07' });
});

test('text names the source of a finding, and what was suppressed', () => {
  const sourced: CheckedFile = {
    ...file,
    suppressed: 2,
    result: { ...file.result, findings: [finding('5', { severity: 'hint', source: 'x.py', fixes: [] })] },
  };
  assert.equal(
    printers.text([sourced], nowhere),
    'a b/c,d.quant.json:3:11: hint QC001: no\nway\n    source: x.py\n1 config checked: 0 errors, 0 warnings, 1 hint, 2 suppressed\n',
  );
});

test('paths in reports for machines are relative to the working directory where they lie in it', () => {
  assert.equal(portablePath('/w/a/b.json', '/w'), 'a/b.json');
  assert.equal(portablePath('b.json', '/w'), 'b.json');
  assert.equal(portablePath('../x.json', '/w/a'), '/w/x.json');
  assert.equal(pathUri('../x y.json', '/w/a'), 'file:///w/x%20y.json');
  assert.equal(pathUri('a:b/%.json', '/w'), 'a%3Ab/%25.json');
});
