// What must hold for every config: the service answers, its findings have a place, and each fix removes the finding it is for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyEdits } from '../document/edit.ts';
import { parseJson } from '../document/json.ts';
import { type Sample, sample } from '../testing/arbitrary-config.ts';
import { checkConfig } from './check.ts';
import type { Finding } from './finding.ts';
import type { CheckInput } from './types.ts';

function inputOf({ fileName, config, modelConfig, target }: Sample): CheckInput {
  return {
    fileName,
    text: JSON.stringify(config, null, 2),
    modelConfigText: modelConfig === null ? null : JSON.stringify(modelConfig),
    targets: target === null ? [] : [target],
  };
}

/** The same complaint in the same place: by rule where the judge speaks (its words name values), by words elsewhere. */
function sameComplaint(a: Finding, b: Finding): boolean {
  const place = a.code === b.code && JSON.stringify(a.path) === JSON.stringify(b.path);
  return place && (a.supportRule === null ? a.message === b.message : a.supportRule === b.supportRule && a.severity === b.severity);
}

test('every fix of a random config removes its finding and keeps the text JSON', () => {
  let applied = 0;
  fc.assert(
    fc.property(sample, (one) => {
      const input = inputOf(one);
      for (const finding of checkConfig(input).findings) {
        for (const fix of finding.fixes) {
          const text = applyEdits(input.text, fix.edits);
          applied += 1;
          assert.deepEqual(parseJson(text).problems, [], `${fix.title}: ${text}`);
          const left = checkConfig({ ...input, text }).findings.filter((other) => sameComplaint(finding, other));
          assert.deepEqual(
            left.map((other) => other.message),
            [],
            `after "${fix.title}" of ${finding.code} ${finding.message} in ${input.text}`,
          );
        }
      }
    }),
    { numRuns: 1500 },
  );
  assert.ok(applied > 500, `only ${applied} fixes were tried`);
});

test('an error of the judge with a nearest legal change that the format can write has a fix', () => {
  fc.assert(
    fc.property(sample, (one) => {
      const { verdicts, findings, format } = checkConfig(inputOf(one));
      for (const verdict of verdicts) {
        if (verdict.kind === 'refused' && verdict.nearest?.field === 'weights.groupSize' && format !== null) {
          const shown = findings.find((finding) => finding.supportRule === verdict.rule);
          assert.ok((shown?.fixes.length ?? 0) > 0, verdict.message);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test('findings of random configs lie inside the text and say something', () => {
  fc.assert(
    fc.property(sample, (one) => {
      const input = inputOf(one);
      for (const { range, message, severity } of checkConfig(input).findings) {
        assert.ok(range.start >= 0 && range.start <= range.end && range.end <= input.text.length, JSON.stringify(range));
        assert.ok(message.length > 10 && !message.includes('undefined'), message);
        assert.ok(['error', 'warning', 'information', 'hint'].includes(severity));
      }
    }),
    { numRuns: 1000 },
  );
});

test('2,000 mutated texts are answered within 20 s of processor time', () => {
  const mutation = fc.record({
    one: sample,
    at: fc.nat(400),
    cut: fc.nat(6),
    put: fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('{', '[', '"', ',', '}', '\\', ':', '//', 'None', '\u0000', '\ud800')),
  });
  const begun = process.cpuUsage();
  fc.assert(
    fc.property(mutation, ({ one, at, cut, put }) => {
      const input = inputOf(one);
      const text = input.text.slice(0, at) + put + input.text.slice(at + cut);
      const { findings } = checkConfig({ ...input, text });
      for (const finding of findings) {
        for (const fix of finding.fixes) {
          applyEdits(text, fix.edits);
        }
      }
    }),
    { numRuns: 2000 },
  );
  // Processor time: the machine may be busy with other things.
  const seconds = process.cpuUsage(begun).user / 1e6;
  assert.ok(seconds < 20, `${seconds} s`);
});
