// What machines read of `check`: SARIF against the schema of the standard, fixes that really settle a finding, and annotations that cannot break out.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import { projectRoot, runCli } from '../support/engine-process.ts';
import { configs, createWorkspace } from '../support/engine-workspace.ts';

interface Region {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
}
interface Replacement {
  readonly deletedRegion: Region;
  readonly insertedContent: { readonly text: string };
}

/** The schema is of draft 4, whose differences from draft 7 it does not use; formats are not looked at. */
function sarifProblems(log: unknown): readonly string[] {
  const require = createRequire(join(projectRoot, 'schemas', 'package.json'));
  const { default: Ajv } = require('ajv') as typeof import('ajv');
  const { $schema, id, ...schema } = JSON.parse(readFileSync(join(projectRoot, 'test/process/fixtures/sarif-2.1.0-rtm.5.json'), 'utf8'));
  assert.deepEqual([$schema, typeof id], ['http://json-schema.org/draft-04/schema#', 'string']);
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false, unicodeRegExp: false, logger: false }).compile(schema);
  validate(log);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

test('the log is SARIF 2.1.0, with a rule and a page for every code', async (t) => {
  const workspace = createWorkspace(t);
  workspace.write('a.quant.json', { ...configs.a8w8, group_size: 128, colour: 'red' });
  workspace.write('b/damaged.quant.json', '{"quant_method": "instant_quant", "weight_format": "int8",}');
  const { stdout, code } = await runCli(['check', '.', '--runtime', 'dashinfer', '--device', 'v100', '--format', 'sarif'], { cwd: workspace.root });
  assert.equal(code, 1);
  const log = JSON.parse(stdout);
  assert.deepEqual(sarifProblems(log), []);
  const [{ tool, results }] = log.runs;
  assert.ok(results.length >= 4, stdout);
  for (const { ruleId, ruleIndex, locations } of results) {
    const rule = tool.driver.rules[ruleIndex];
    assert.equal(rule.id, ruleId);
    assert.match(rule.helpUri, new RegExp(`^file://.*/docs/diagnostics/${ruleId}\\.md$`));
    assert.ok(rule.help.markdown.length > 40 && rule.shortDescription.text !== '');
    assert.match(locations[0].physicalLocation.artifactLocation.uri, /^(a\.quant\.json|b\/damaged\.quant\.json)$/);
  }
  assert.deepEqual(sarifProblems({ ...log, runs: [{ results }] }), ["/runs/0 must have required property 'tool'"], 'the schema is able to refuse');
  const clean = await runCli(['check', join(projectRoot, 'examples', 'a8w8.quant.json'), '--format', 'sarif', '--docs-url', 'https://docs.example/']);
  assert.deepEqual(sarifProblems(JSON.parse(clean.stdout)), []);
});

test('the fixes of the log settle the findings that carry them', async (t) => {
  const workspace = createWorkspace(t);
  const text = `{\n  "quant_method": "instant_quant",\n  "weight_format": "int8",\n  "group_size": 32,\n  "colour": "r\u00e9d \u{1F600}"\n}\n`;
  const config = workspace.write('a.quant.json', text);
  const { stdout } = await runCli(['check', config, '--runtime', 'dashinfer', '--format', 'sarif', '--docs-url', 'https://docs.example/']);
  const [{ results, tool }] = JSON.parse(stdout).runs;
  assert.equal(tool.driver.rules[0].helpUri, `https://docs.example/${tool.driver.rules[0].id}.md`);
  let fixed = 0;
  for (const result of results) {
    const [fix] = result.fixes ?? [];
    if (fix === undefined) continue;
    fixed += 1;
    const after = replaced(text, fix.artifactChanges[0].replacements);
    const target = { runtime: 'dashinfer', version: null, device: null, tensorParallel: 1 } as const;
    const left = checkConfig({ fileName: 'a.quant.json', text: after, modelConfigText: null, targets: [target] }).findings;
    assert.ok(
      left.every(({ code }) => code !== result.ruleId),
      `${result.ruleId} after ${fix.description.text}:\n${after}`,
    );
  }
  assert.ok(fixed >= 1, stdout);
});

test('annotations of GitHub Actions: names and messages cannot end a command', async (t) => {
  const workspace = createWorkspace(t);
  workspace.write('a,b:c 100%.quant.json', { ...configs.a16w8, 'x\n::error::y': 1 });
  const { stdout } = await runCli(['check', 'a,b:c 100%.quant.json', '--format', 'github'], { cwd: workspace.root });
  const lines = stdout.trimEnd().split('\n');
  assert.ok(lines.length > 0);
  for (const line of lines)
    assert.match(line, /^::(error|warning|notice) file=a%2Cb%3Ac 100%25\.quant\.json,line=1,endLine=1,col=\d+,endColumn=\d+,title=QC\d{3}::[^\n]+$/);
});

/** As a consumer of the log would: lines and columns of UTF-16 code units, from the end. */
function replaced(text: string, replacements: readonly Replacement[]): string {
  const starts = [0, ...[...text.matchAll(/\n/g)].map((match) => match.index + 1)];
  const offset = (line: number, column: number): number => (starts[line - 1] ?? 0) + column - 1;
  return [...replacements]
    .sort((a, b) => b.deletedRegion.startLine - a.deletedRegion.startLine || b.deletedRegion.startColumn - a.deletedRegion.startColumn)
    .reduce((before, { deletedRegion: at, insertedContent }) => {
      const [start, end] = [offset(at.startLine, at.startColumn), offset(at.endLine, at.endColumn)];
      return before.slice(0, start) + insertedContent.text + before.slice(end);
    }, text);
}
