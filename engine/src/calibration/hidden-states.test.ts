import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHiddenStates } from './hidden-states.ts';

test('states in a file are those in memory, bit for bit, and leave nothing behind', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-hidden-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const tokens = [3, 1, 5];
  const states = await Promise.all([createHiddenStates(tokens, 4, null), createHiddenStates(tokens, 4, join(directory, 'states'))]);
  const values = (sequence: number, round: number): Float32Array =>
    Float32Array.from({ length: (tokens[sequence] ?? 0) * 4 }, (_, index) => (index === 1 ? Number.NaN : Math.sin(index + 10 * sequence + 100 * round)));
  for (const round of [0, 1]) {
    for (const state of states) for (const sequence of tokens.keys()) await state.write(sequence, values(sequence, round));
    for (const sequence of [2, 0, 1]) for (const state of states) assert.deepEqual(await state.read(sequence), values(sequence, round));
  }
  assert.deepEqual(await readdir(directory), ['states']);
  for (const state of states) await state.close();
  assert.deepEqual(await readdir(directory), []);
});
