import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkNeedle, trialOf, usualNeedle } from './trial.ts';

test('a trial has its own key in its needle, nine others of its form, and is the same for the same seed', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(1000), (seed, number) => {
      const trial = trialOf(usualNeedle, seed, number);
      assert.deepEqual(trial, trialOf(usualNeedle, seed, number));
      assert.equal(new Set(trial.keys).size, 10);
      assert.ok(trial.keys.every((key) => /^[1-9]\d{3}$/.test(key)));
      assert.deepEqual([trial.keys[0], trial.needle], [trial.key, `The secret code of the lighthouse is ${trial.key}.`]);
      assert.equal(trial.opening, 'The secret code of the lighthouse is');
    }),
  );
  assert.notEqual(trialOf(usualNeedle, 1, 1).key, trialOf(usualNeedle, 1, 2).key);
});

test('a needle that cannot be looked for is refused', () => {
  for (const [change, words] of [
    [{ key: '9999' }, /must hold its key/],
    [{ needle: '7481 and 7481', key: '7481' }, /once/],
    [{ needle: '7481 is the code', key: '7481' }, /begins with its key/],
    [{ needle: 'The code is blue', key: 'blue' }, /at least 2 digits/],
    [{ question: ' ' }, /question is empty/],
  ] as const) {
    assert.throws(() => checkNeedle({ ...usualNeedle, ...change }), words);
  }
});
