import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPace } from './pace.ts';

test('small documents are checked at once, large ones take at most half of the time, and a rest ends the wait', () => {
  let now = 1000;
  const pace = createPace(() => now);
  assert.equal(pace.delayFor('a'), 0);
  pace.took('a', 5);
  assert.equal(pace.delayFor('a'), 0);
  pace.took('b', 80);
  assert.equal(pace.delayFor('b'), 80);
  now += 50;
  assert.equal(pace.delayFor('b'), 30);
  now += 50;
  assert.equal(pace.delayFor('b'), 0);
  pace.took('c', 60_000);
  assert.equal(pace.delayFor('c'), 400);
  pace.forget('c');
  assert.equal(pace.delayFor('c'), 0);
});
