// Statistics that are gathered in portions against plain computations over all values, in f64.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createChannelMaxima, inBins, outlierChannels } from './channels.ts';
import { createDifference } from './difference.ts';
import { createHistogram } from './histogram.ts';
import { createMoments } from './moments.ts';

const values = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
const portions = fc.array(fc.array(values, { maxLength: 20 }), { minLength: 1, maxLength: 6 }).filter((parts) => parts.flat().length > 1);
const near = (found: number, expected: number, scale: number): void =>
  assert.ok(Math.abs(found - expected) <= 1e-9 * Math.max(scale, Number.MIN_VALUE), `${found} where ${expected} was expected`);

test('moments of portions are those of all values', () => {
  fc.assert(
    fc.property(portions, (parts) => {
      const moments = createMoments();
      for (const part of parts) moments.add(Float32Array.from(part));
      const all = parts.flat();
      const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
      const central = (power: number): number => all.reduce((sum, value) => sum + (value - mean) ** power, 0) / all.length;
      const found = moments.result();
      assert.ok(found !== null);
      const largest = Math.max(...all.map(Math.abs));
      assert.equal(found.min, Math.min(...all));
      assert.equal(found.max, Math.max(...all));
      near(found.mean, mean, largest);
      near(found.std, Math.sqrt((central(2) * all.length) / (all.length - 1)), largest);
      // Where values are the same but for rounding, the fourth moment is rounding too.
      if (central(2) > (1e-3 * largest) ** 2) near(found.kurtosis, central(4) / central(2) ** 2 - 3, 1000 * all.length);
    }),
  );
});

test('moments keep small differences of large values, and name what is no number', () => {
  const moments = createMoments();
  const all = [4096.25, 4096.5, 4096.75, 4097];
  for (const value of all) moments.add(Float32Array.of(value));
  near(moments.result()?.std ?? 0, Math.sqrt(0.3125 / 3), 1);
  near(moments.result()?.kurtosis ?? 0, -1.36, 1);
  moments.add(Float32Array.of(Number.NaN));
  assert.equal(moments.result(), null);
  const infinite = createMoments();
  infinite.add(Float32Array.of(1, Number.POSITIVE_INFINITY));
  assert.equal(infinite.result(), null);
  const constant = createMoments();
  constant.add(Float32Array.of(2, 2, 2));
  assert.deepEqual(constant.result(), { min: 2, max: 2, mean: 2, std: 0, kurtosis: 0 });
});

test('errors over portions are those of all pairs', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(values, values), { minLength: 1, maxLength: 60 }), fc.nat(60), (pairs, cut) => {
      const difference = createDifference();
      for (const part of [pairs.slice(0, cut), pairs.slice(cut)])
        difference.add(Float32Array.from(part.map(([a]) => a)), Float32Array.from(part.map(([, b]) => b)));
      const sum = (of: (a: number, b: number) => number): number => pairs.reduce((total, [a, b]) => total + of(a, b), 0);
      const noise = sum((a, b) => (a - b) ** 2);
      near(difference.mse(), noise / pairs.length, noise);
      const signal = sum((a) => a * a);
      if (noise === 0) assert.equal(difference.sqnrDb(), Number.POSITIVE_INFINITY);
      else if (signal === 0) assert.equal(difference.sqnrDb(), Number.NEGATIVE_INFINITY);
      else near(difference.sqnrDb(), 10 * Math.log10(signal / noise), 1000);
      const lengths = Math.sqrt(signal * sum((_, b) => b * b));
      near(difference.cosine(), noise === 0 ? 1 : lengths === 0 ? 0 : sum((a, b) => a * b) / lengths, 1);
    }),
  );
  const opposite = createDifference();
  opposite.add(Float32Array.of(1, -1), Float32Array.of(2, -2));
  assert.equal(opposite.cosine(), 1);
  // Errors of opposite signs add up to 0 and are errors all the same.
  assert.equal(opposite.sqnrDb(), 0);
});

test('a histogram counts every value in the bin that holds it, in whatever portions they come', () => {
  fc.assert(
    fc.property(portions, (parts) => {
      const [apart, together] = [createHistogram(), createHistogram()];
      for (const part of parts) apart.add(Float32Array.from(part));
      const all = parts.flat();
      together.add(Float32Array.from(all));
      const { from, to, counts } = apart.result();
      assert.deepEqual({ from, to, counts }, together.result());
      const width = (to - from) / counts.length;
      const plain = counts.map((_, bin) => all.filter((value) => value >= from + bin * width && value < from + (bin + 1) * width).length);
      if (width > 0) assert.deepEqual(counts, plain);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        all.length,
      );
    }),
  );
});

test('channels above 6 times the median stand out, and bins hold the largest of their channels', () => {
  const channels = createChannelMaxima(4);
  channels.add(Float32Array.of(1, -2, 3, 0.5, -1.5, 1, 2, -13));
  assert.deepEqual([...channels.maxima], [1.5, 2, 3, 13]);
  assert.deepEqual(outlierChannels(channels.maxima), []);
  channels.add(Float32Array.of(0, 0, -16, 0));
  assert.deepEqual(outlierChannels(Float64Array.of(1, 2, 3, 13, 2)), [3]);
  assert.deepEqual(inBins(channels.maxima), [1.5, 2, 16, 13]);
  const wide = Float64Array.from({ length: 300 }, (_, channel) => channel);
  const binned = inBins(wide);
  assert.equal(binned.length, 128);
  binned.forEach((largest, bin) => {
    assert.equal(largest, Math.max(...wide.filter((channel) => Math.floor((channel * 128) / 300) === bin)));
  });
});
