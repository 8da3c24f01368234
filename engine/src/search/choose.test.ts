import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Choice, chooseWithin } from './choose.ts';

const choice = fc.record({ bytes: fc.integer({ min: 0, max: 60 }).map((n) => n * 32), loss: fc.double({ min: 0, max: 10, noNaN: true }) });
const parts = fc.array(fc.array(choice, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });

/** Every combination. */
function bestByTrying(all: readonly (readonly Choice[])[], budget: number): number | null {
  const [first, ...rest] = all;
  if (first === undefined) return 0;
  const sums = first.flatMap(({ bytes, loss }) => {
    const others = bytes > budget ? null : bestByTrying(rest, budget - bytes);
    return others === null ? [] : [loss + others];
  });
  return sums.length === 0 ? null : Math.min(...sums);
}

test('no other mix within the budget loses less', () => {
  fc.assert(
    fc.property(parts, fc.integer({ min: 0, max: 6000 }), (all, budget) => {
      const chosen = chooseWithin(all, budget);
      const best = bestByTrying(all, budget);
      if (chosen === null || best === null) {
        assert.equal(chosen, null);
        assert.equal(best, null);
        return;
      }
      const picked = chosen.map((index, part) => all[part]?.[index]);
      assert.ok(picked.every((one) => one !== undefined));
      assert.ok(picked.reduce((total, one) => total + (one?.bytes ?? 0), 0) <= budget);
      assert.ok(Math.abs(picked.reduce((total, one) => total + (one?.loss ?? 0), 0) - best) < 1e-9);
    }),
    { numRuns: 2000 },
  );
});

test('sizes without a common divisor are rounded up, never over the budget', () => {
  const all = Array.from({ length: 50 }, (_, part) => [
    { bytes: 1_000_003 + part, loss: 2 },
    { bytes: 2_000_033 - part, loss: 1 },
  ]);
  const chosen = chooseWithin(all, 75_000_000);
  const bytes = chosen?.reduce((total, index, part) => total + (all[part]?.[index]?.bytes ?? 0), 0) ?? 0;
  assert.ok(bytes <= 75_000_000 && bytes > 74_000_000, String(bytes));
  assert.equal(chosen?.filter((index) => index === 1).length, 24);
});
