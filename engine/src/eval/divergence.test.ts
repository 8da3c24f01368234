import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { distribution, divergenceOfRow } from './divergence.ts';

const row = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 40 });

test('a distribution has no distance from itself, whatever constant is added to its logits', () => {
  fc.assert(
    fc.property(row, fc.integer({ min: -8, max: 8 }), (logits, shift) => {
      const p = Float32Array.from(logits);
      const q = p.map((value) => value + shift);
      assert.ok(divergenceOfRow(p, q).nats < 1e-4);
    }),
  );
});

test('two rows give the textbook sum', () => {
  const p = [0.5, 0.3, 0.2];
  const q = [0.2, 0.2, 0.6];
  const expected = p.reduce((sum, value, index) => sum + value * Math.log(value / (q[index] ?? 1)), 0);
  const result = divergenceOfRow(Float32Array.from(p, Math.log), Float32Array.from(q, Math.log));
  assert.ok(Math.abs(result.nats - expected) < 1e-6, `${result.nats} where ${expected} was expected`);
  assert.equal(result.agrees, false);
});

test('median and p99 are quantiles of the tokens', () => {
  const nats = Float64Array.from({ length: 101 }, (_, index) => (index * 37) % 101);
  assert.deepEqual(distribution(nats), { meanNats: 50, medianNats: 50, p99Nats: 99, maxNats: 100 });
  assert.deepEqual(distribution(Float64Array.of(1, 2)), { meanNats: 1.5, medianNats: 1.5, p99Nats: 1.99, maxNats: 2 });
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1 }), (values) => {
      const { meanNats, medianNats, p99Nats, maxNats } = distribution(Float64Array.from(values));
      assert.ok(medianNats <= p99Nats && p99Nats <= maxNats && meanNats <= maxNats * (1 + 1e-9));
    }),
  );
});
