import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSettingsGate } from './settings-gate.ts';

test('what waits goes on once the gate opens, and opening again is told apart', async () => {
  const gate = createSettingsGate();
  let passed = false;
  const waiting = gate.passed.then(() => {
    passed = true;
  });
  await Promise.resolve();
  assert.equal(passed, false);
  assert.equal(gate.open(), true);
  await waiting;
  assert.equal(passed, true);
  assert.equal(gate.open(), false);
});
