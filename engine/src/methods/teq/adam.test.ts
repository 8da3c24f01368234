import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdam, rateAt } from './adam.ts';

test('the rate rises from 0 through the warm-up and falls to 0 behind the last step', () => {
  const schedule = { learningRate: 8, steps: 40, warmup: 0.1 };
  assert.deepEqual(
    [0, 1, 2, 3, 4, 22, 39, 40].map((step) => rateAt(schedule, step)),
    [0, 2, 4, 6, 8, 4, 8 / 36, 0],
  );
  // Few steps have no warm-up: the first counts.
  assert.deepEqual(
    [0, 5, 9].map((step) => rateAt({ learningRate: 1, steps: 10, warmup: 0.05 }, step)),
    [1, 0.5, 0.1],
  );
});

test('the first update is the rate in the direction against the gradient, whatever its size', () => {
  const parameter = Float32Array.of(1, 1, 1);
  const adam = createAdam([parameter], { learningRate: 0.25, steps: 10, warmup: 0 });
  adam.update([Float32Array.of(4, -1e-3, 0)]);
  for (const [at, wanted] of [0.75, 1.25, 1].entries()) assert.ok(Math.abs((parameter[at] ?? 0) - wanted) < 1e-5);
});

test('a gradient that turns around is averaged away', () => {
  const parameter = Float32Array.of(0);
  const adam = createAdam([parameter], { learningRate: 0.1, steps: 1000, warmup: 0 });
  for (let step = 0; step < 100; step++) adam.update([Float32Array.of(step % 2 === 0 ? 1 : -1)]);
  assert.ok(Math.abs(parameter[0] ?? 1) < 0.2, String(parameter[0]));
  assert.throws(() => adam.update([]), /parameter 0 has no gradient/);
});
