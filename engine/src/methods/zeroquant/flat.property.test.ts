// Parts of the flat matrix as groups of columns: every weight keeps the scale of its own part, whatever the shape, and what cannot be cut so is refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DenseSource } from '@quantwright/native/binding';
import { flatParts } from '@quantwright/schemas/recipe/flat-groups';
import fc from 'fast-check';
import { loadBinding } from '../../jobs/binding.ts';
import { affineWeight } from '../affine.ts';
import type { ModuleScheme } from '../method.ts';
import { zeroquant } from './method.ts';
import { drawn, halfEven, zeroquantScheme } from './testing/reference.ts';

const binding = await loadBinding();

const shape = fc.record({ rows: fc.integer({ min: 1, max: 40 }), cols: fc.integer({ min: 1, max: 96 }) });
const cut = fc.record({
  rows: fc.constantFrom(8, 12, 16, 30),
  cols: fc.constantFrom(32, 48, 64, 96),
  parts: fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20, 24, 30, 32, 36, 48, 60, 64),
  bits: fc.constantFrom(2, 3, 4, 5, 6, 7, 8),
  symmetric: fc.boolean(),
  seed: fc.integer({ min: 1, max: 2 ** 30 }),
});

describe('parts of the flat matrix', () => {
  test('are groups of columns that end where parts and rows do, or are refused in words', () => {
    fc.assert(
      fc.property(shape, fc.integer({ min: 1, max: 4000 }), ({ rows, cols }, parts) => {
        const made = flatParts(parts, rows, cols);
        if (typeof made === 'string') {
          assert.match(made, /quantize_groups \d+ (does not divide|cuts) .*; use \d+ \(a part for every row\), or null/);
          return;
        }
        assert.equal(made.length * parts, rows * cols);
        assert.ok(made.length % made.groupSize === 0 && cols % made.groupSize === 0);
        // No longer group has both.
        for (let longer = made.groupSize + 1; longer <= cols; longer++) assert.ok(made.length % longer !== 0 || cols % longer !== 0);
      }),
    );
  });

  test('a part for every row can always be cut', () => {
    fc.assert(fc.property(shape, ({ rows, cols }) => assert.deepEqual(flatParts(rows, rows, cols), { length: cols, groupSize: cols })));
  });

  test('every weight is restored with the scale of its part', async () => {
    await fc.assert(
      fc.asyncProperty(cut, async ({ rows, cols, parts, bits, symmetric: either, seed }) => {
        const symmetric = either || bits === 2;
        const values = drawn(rows * cols, seed);
        const scheme = zeroquant.fit?.(zeroquantScheme(bits, symmetric, parts), { rows, cols, activations: null });
        if (typeof scheme !== 'object') {
          assert.equal(typeof flatParts(parts, rows, cols), 'string');
          return;
        }
        const source: DenseSource = { type: 'f32', rows, cols, data: new Uint8Array(values.buffer) };
        const matrix = await zeroquant.quantizeModule(binding, source, scheme);
        assert.ok(matrix.kind === 'affine');
        assert.deepEqual([matrix.scale.length, matrix.zero.length, matrix.groups], [rows * matrix.groups, rows * matrix.groups, cols / matrix.groupSize]);
        const restored = await (await binding.createWeight(affineWeight(matrix))).dequantize();
        const expected = parted(values, parts, (part) => reference(part, bits, symmetric));
        let noise = 0;
        for (const [at, value] of expected.entries()) {
          assert.ok(Math.abs((restored[at] ?? Number.NaN) - value) <= 2e-6 * Math.max(1, Math.abs(value)), `weight ${at}: ${restored[at]} beside ${value}`);
          noise += ((values[at] ?? 0) - value) ** 2;
        }
        assert.ok(Math.abs(matrix.mse * values.length - noise) <= 1e-4 * noise + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  test('a weight that is not finite is named by its own row and column', async () => {
    const values = drawn(12 * 64, 7);
    values[5 * 64 + 40] = Number.NaN;
    const scheme = zeroquant.fit?.(zeroquantScheme(4, true, 8), { rows: 12, cols: 64, activations: null });
    assert.ok(typeof scheme === 'object' && scheme.flat?.parts === 8);
    const matrix = await zeroquant.quantizeModule(binding, { type: 'f32', rows: 12, cols: 64, data: new Uint8Array(values.buffer) }, scheme);
    assert.deepEqual(matrix.notFinite, [5, 40]);
  });
});

describe('signs', () => {
  test('are planes beside float activations and codes of 2 bits beside integer ones, and the same weights', async () => {
    const values = drawn(16 * 48, 11);
    const source: DenseSource = { type: 'f32', rows: 16, cols: 48, data: new Uint8Array(values.buffer) };
    const expected = parted(values, 12, (part) => {
      const mean = part.reduce((sum, value) => sum + Math.abs(value), 0) / part.length;
      return part.map((value) => Math.sign(value) * mean);
    });
    for (const activations of [null, { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true, rule: 'zeroquant' } as const]) {
      const scheme = zeroquant.fit?.(zeroquantScheme(1, true, 12), { rows: 16, cols: 48, activations });
      assert.ok(typeof scheme === 'object');
      const matrix = await zeroquant.quantizeModule(binding, source, scheme);
      assert.equal(matrix.kind, activations === null ? 'bcq' : 'affine');
      const weight = await binding.createWeight(matrix.kind === 'affine' ? affineWeight(matrix) : matrix.spec);
      const restored = await weight.dequantize();
      assert.ok(expected.every((value, at) => Math.abs(value - (restored[at] ?? Number.NaN)) < 1e-6));
    }
  });

  test('and ternary weights have no zero point', () => {
    const refusal = (bits: number): ModuleScheme | string | undefined =>
      zeroquant.fit?.(zeroquantScheme(bits, false, 8), { rows: 16, cols: 48, activations: null });
    assert.match(String(refusal(1)), /1-bit weights around 0 only \(signs\); use "symmetric": true/);
    assert.match(String(refusal(2)), /2-bit weights around 0 only \(ternary\)/);
  });
});

function parted(values: Float32Array, parts: number, of: (part: readonly number[]) => readonly number[]): readonly number[] {
  const length = values.length / parts;
  return Array.from({ length: parts }, (_, part) => of([...values.subarray(part * length, (part + 1) * length)])).flat();
}

/** DeepSpeed's quantizers in 64 bits but for the steps that decide on codes. */
function reference(part: readonly number[], bits: number, symmetric: boolean): readonly number[] {
  const f = Math.fround;
  if (bits === 2) {
    const threshold = (0.7 * part.reduce((sum, value) => sum + Math.abs(value), 0)) / part.length;
    const above = part.filter((value) => Math.abs(value) > threshold);
    const alpha = above.reduce((sum, value) => sum + Math.abs(value), 0) / above.length;
    return part.map((value) => (Math.abs(value) > threshold ? Math.sign(value) * alpha : 0));
  }
  const [low, high] = [Math.min(...part), Math.max(...part)];
  if (symmetric) {
    const scale = f((2 * Math.max(-low, high)) / 2 ** bits);
    return part.map((value) => Math.min(Math.max(halfEven(f(value / scale)), -(2 ** (bits - 1))), 2 ** (bits - 1) - 1) * scale);
  }
  const scale = f(f(high - low) / 2 ** bits);
  const zero = f(halfEven(f(low / scale)) * scale);
  return part.map((value) => Math.min(Math.max(halfEven(f(f(value - zero) / scale)), 0), 2 ** bits - 1) * scale + zero);
}
