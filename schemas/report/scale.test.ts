import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linearScale, lossScale, points } from './scale.ts';

test('the smallest and the largest value lie at the ends, and ticks are round numbers between them', () => {
  const scale = linearScale([0.3, 0.9], 100, 700);
  assert.deepEqual(
    [0.3, 0.9, 0.6].map((value) => Math.round(scale.at(value))),
    [100, 700, 400],
  );
  assert.deepEqual(scale.ticks, [0.4, 0.6, 0.8]);
  assert.deepEqual(linearScale([1, 100], 0, 1).ticks, [20, 40, 60, 80, 100]);
});

test('values that are all the same lie in the middle', () => {
  const scale = linearScale([5, 5], 0, 10);
  assert.deepEqual([scale.at(5), scale.ticks], [5, [5]]);
});

test('losses far apart get an axis of equal ratios, and those that are not do not', () => {
  const wide = lossScale([1e-4, 1], 260, 0);
  assert.ok(wide.logarithmic);
  assert.deepEqual(
    wide.ticks.map((tick) => Number(tick.toPrecision(3))),
    [1e-4, 1e-3, 1e-2, 1e-1, 1],
  );
  assert.ok(Math.abs(wide.at(1e-2) - 130) < 1e-9);
  assert.ok(!lossScale([0.5, 1], 260, 0).logarithmic);
  assert.ok(!lossScale([0, 1], 260, 0).logarithmic, 'zero has no logarithm');
});

test('points of a line', () => assert.equal(points([1, 2], [3.04, 4.06]), '1.0,3.0 2.0,4.1'));
