// The examples of every format: valid ones are silent, invalid ones show the code their file name begins with.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConfig } from '../check/check.ts';
import type { CheckResult } from '../check/types.ts';
import { projectRoot, read } from '../testing/places.ts';
import { formats } from './registry.ts';

function check(folder: string, name: string): CheckResult {
  return checkConfig({ fileName: name, text: read(join(folder, name)), modelConfigText: read('models/quill-16m/config.json'), targets: [] });
}

for (const { id } of formats) {
  for (const kind of ['valid', 'invalid'] as const) {
    const folder = `schemas/configs/${id}/examples/${kind}`;
    // Of an unknown method nothing is valid.
    const none = kind === 'valid' && id === 'hf-unknown';
    assert.notEqual(existsSync(join(projectRoot, folder)), none, folder);
    for (const name of none ? [] : readdirSync(join(projectRoot, folder))) {
      test(`${id}: ${kind}/${name}`, () => {
        const { format, findings: all, recipe } = check(folder, name);
        // A hint that offers nothing to change is a remark, which a sound file may bear.
        const findings = all.filter(({ severity, fixes }) => severity !== 'hint' || fixes.length > 0);
        assert.equal(format, id);
        if (kind === 'valid') {
          assert.deepEqual(
            findings.map((finding) => finding.message),
            [],
          );
          assert.ok(recipe);
        } else {
          const code = name.slice(0, 5).toUpperCase();
          const shown = findings.filter((finding) => finding.code === code);
          assert.equal(shown.length, 1, findings.map((finding) => `${finding.code} ${finding.message}`).join('\n'));
          assert.ok((shown[0]?.fixes.length ?? 0) > 0);
        }
      });
    }
  }
}

test('every property of every schema says what it means', () => {
  for (const { id, schema } of formats) {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      assert.ok((property.description ?? '').length > 8, `${id}: ${key}`);
      assert.ok(property.enumDescriptions === undefined || property.enumDescriptions.length === property.enum?.length, `${id}: ${key}`);
    }
  }
});
