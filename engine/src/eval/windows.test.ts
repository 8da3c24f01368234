import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planWindows } from './windows.ts';

test('without overlap the incomplete last window is dropped and the first id of each is not predicted', () => {
  assert.deepEqual(planWindows(10, 4, 4), [
    { begin: 0, end: 4, firstPredicted: 1 },
    { begin: 4, end: 8, firstPredicted: 5 },
  ]);
});

test('a text shorter than the window is one window', () => {
  assert.deepEqual(planWindows(3, 8, 8), [{ begin: 0, end: 3, firstPredicted: 1 }]);
  assert.deepEqual(planWindows(1, 8, 8), []);
});

test('68,945 ids give the window counts of the reference protocol', () => {
  assert.equal(planWindows(68_945, 512, 512).length, 134);
  assert.equal(planWindows(68_945, 1024, 1024).length, 67);
  assert.equal(planWindows(68_945, 1024, 512).length, 134);
});

test('with overlap every id but the first is predicted exactly once, from inside its window', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.integer({ min: 2, max: 50 }), fc.integer({ min: 1, max: 49 }), (count, window, stride) => {
      fc.pre(stride < window && window <= count);
      const predicted = planWindows(count, window, stride).flatMap(({ begin, end, firstPredicted }) => {
        assert.ok(end - begin <= window && firstPredicted > begin && begin % stride === 0);
        return Array.from({ length: end - firstPredicted }, (_, index) => firstPredicted + index);
      });
      assert.deepEqual(
        predicted,
        Array.from({ length: count - 1 }, (_, index) => index + 1),
      );
    }),
  );
});
