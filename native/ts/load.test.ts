import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadNative } from './load.ts';

test('a path that does not exist is named, with what to do', async () => {
  const result = await loadNative({ QUANTWRIGHT_NATIVE: '/nowhere/quantwright.node' });
  assert.ok(!result.ok);
  assert.match(result.reason, /Looked for \/nowhere\/quantwright\.node\. Correct or unset QUANTWRIGHT_NATIVE/);
});

test('a file that is not an addon is refused by the test process, not by a crash', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quantwright-load-'));
  const path = join(folder, 'quantwright.node');
  writeFileSync(path, 'this is no shared library');
  const result = await loadNative({ QUANTWRIGHT_NATIVE: path });
  rmSync(folder, { recursive: true });
  assert.ok(!result.ok);
  assert.match(result.reason, /cannot be used: .*Run `npm run native`/);
});

test('the built addon loads, and loads again', async () => {
  const first = await loadNative({});
  assert.ok(first.ok, first.ok ? '' : first.reason);
  const second = await loadNative({});
  assert.ok(second.ok && second.path === first.path);
});
