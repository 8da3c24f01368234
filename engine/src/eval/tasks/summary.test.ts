import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { outcomeOf } from './outcome.ts';
import { summarize, wilson } from './summary.ts';

const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);

test("a share has the sample's standard error and Wilson's interval", () => {
  const metric = summarize('acc', [...Array(105).fill(1), ...Array(95).fill(0)]);
  near(metric.value, 0.525);
  // sqrt(p (1 - p) / (n - 1)), as the harness prints it: 0.0354.
  near(metric.standardError, Math.sqrt((0.525 * 0.475) / 199));
  // Solutions of |p - x| = z sqrt(x (1 - x) / n).
  for (const bound of [metric.low, metric.high]) near(Math.abs(0.525 - bound), 1.959963984540054 * Math.sqrt((bound * (1 - bound)) / 200));
  // z^2 / (n + z^2) where all are wrong.
  near(wilson(0, 10).low, 0);
  near(wilson(0, 10).high, 0.2775328);
  near(wilson(1, 10).high, 1);
  near(wilson(1, 10).low, 1 - 0.2775328);
});

test('intervals hold the value and shrink with more items', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, share) => {
      const { low, high } = wilson(share, count);
      assert.ok(low <= share + 1e-12 && share <= high + 1e-12 && low >= 0 && high <= 1);
      const more = wilson(share, count * 4);
      assert.ok(more.high - more.low < high - low);
    }),
  );
});

test('a perplexity is exp of minus the mean log-likelihood, with its interval', () => {
  const metric = summarize('perplexity', [-1, -3]);
  near(metric.value, Math.exp(2));
  near(metric.standardError, Math.exp(2) * 1);
  near(metric.low, Math.exp(2 - 1.959963984540054));
  assert.equal(summarize('mc2', [0.25]).standardError, 0);
});

test('choices are compared by sum, by characters and by bytes, and ties go to the first', () => {
  const pairs = ['aaaaaaaa', 'éé', 'b'].map((continuation) => ({ context: 'q', continuation }));
  const item = { index: 0, kind: 'text', preamble: '', group: '', pairs, gold: 1, truths: [true, true, false] } as const;
  const scored = { logLikelihoods: [-8, -3, -2], greedy: [] };
  // By characters -1, -1.5, -2; by bytes -1, -0.75, -2.
  assert.deepEqual(outcomeOf(item, scored, 'acc'), { choice: 2, value: 0 });
  assert.deepEqual(outcomeOf(item, scored, 'acc_norm'), { choice: 0, value: 0 });
  assert.deepEqual(outcomeOf(item, scored, 'acc_bytes'), { choice: 1, value: 1 });
  assert.equal(outcomeOf(item, { logLikelihoods: [-2, -2, -2], greedy: [] }, 'acc').choice, 0);
  // mc1 leaves out the true answers that are not the best one.
  assert.equal(outcomeOf(item, { logLikelihoods: [-1, -2, -3], greedy: [] }, 'mc1').value, 1);
  near(outcomeOf(item, { logLikelihoods: [-1001, -1001, -1001], greedy: [] }, 'mc2').value, 2 / 3);
});
