// Of every rule and every format: a fix removes its finding, and puts no new fault into what it touched.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../check/check.ts';
import type { Finding } from '../check/finding.ts';
import type { CheckInput } from '../check/types.ts';
import { applyEdits } from '../document/edit.ts';
import { parseJson } from '../document/json.ts';
import { changedExample, type Sample } from '../testing/arbitrary-config.ts';

function inputOf({ fileName, config, modelConfig, target, files }: Sample): CheckInput {
  return {
    fileName,
    text: JSON.stringify(config, null, 2),
    modelConfigText: modelConfig === null ? null : JSON.stringify(modelConfig),
    targets: target === null ? [] : [target],
    files,
  };
}

/** The same complaint in the same place: by rule where the judge speaks (its words name values), by words elsewhere. */
function sameComplaint(a: Finding, b: Finding): boolean {
  const place = a.code === b.code && JSON.stringify(a.path) === JSON.stringify(b.path);
  return place && (a.supportRule === null ? a.message === b.message : a.supportRule === b.supportRule && a.severity === b.severity);
}

/** Rules whose fixes change nothing that others hang on: they may not bring up another finding. A pattern that begins to match may. */
const TIDY = ['QC018', 'QC019', 'QC020'];

test('every fix of a changed example removes its finding and leaves the text JSON', () => {
  const tried = new Set<string>();
  fc.assert(
    fc.property(changedExample, (one) => {
      const input = inputOf(one);
      const before = checkConfig(input);
      for (const finding of before.findings) {
        for (const fix of finding.fixes) {
          const text = applyEdits(input.text, fix.edits);
          const where = `after "${fix.title}" of ${finding.code} ${finding.message} in ${input.text}`;
          tried.add(finding.code);
          assert.deepEqual(parseJson(text).problems, [], where);
          const after = checkConfig({ ...input, text }).findings;
          assert.deepEqual(messages(after.filter((other) => sameComplaint(finding, other))), [], where);
          const added = after.filter(
            (other) => TIDY.includes(other.code) && !before.findings.some(({ code, message }) => code === other.code && message === other.message),
          );
          assert.deepEqual(TIDY.includes(finding.code) ? messages(added) : [], [], where);
        }
      }
    }),
    { numRuns: 800 },
  );
  assert.ok(tried.size > 10, `only ${[...tried].join(', ')} had fixes`);
});

function messages(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ message }) => message);
}
