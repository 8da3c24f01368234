import assert from 'node:assert/strict';
import { constants, getPriority, setPriority } from 'node:os';
import { test } from 'node:test';
import { beginBackground } from './background.ts';
import { loadBinding } from './binding.ts';

test('a job in the background has half of the threads and a low priority, and gives them back', async (t) => {
  const binding = await loadBinding();
  const { threads } = binding.cpuInfo();
  const before = getPriority();
  t.after(() => {
    try {
      setPriority(before);
    } catch {
      // only root may raise it
    }
  });
  const background = beginBackground(binding, undefined);
  assert.equal(binding.cpuInfo().threads, Math.max(1, Math.floor(threads / 2)));
  assert.equal(getPriority(), Math.max(before, constants.priority.PRIORITY_LOW));
  background.end();
  assert.equal(binding.cpuInfo().threads, threads);
});

test('a rest ends, and ends at once when the job is cancelled', async () => {
  const cancel = new AbortController();
  const background = beginBackground(await loadBinding(), cancel.signal);
  try {
    await background.rest();
    cancel.abort(new Error('enough'));
    await assert.rejects(background.rest(), { name: 'AbortError' });
  } finally {
    background.end();
  }
});
