// Committed generated files are what their sources give.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../testing/places.ts';

test('schemas/generated and docs/diagnostics are fresh', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(projectRoot, 'scripts/codegen.mjs'), '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
