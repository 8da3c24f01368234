// Products of integers against DeepSpeed's simulation: fake-quantized weights times fake-quantized activations, in floating point.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActivationBits } from '@quantwright/native/activations';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import fc from 'fast-check';
import { activationSpec } from '../../checkpoint/activations.ts';
import { integerCodec } from '../../checkpoint/layouts.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { affineWeight } from '../affine.ts';
import { zeroquant } from './method.ts';
import { drawn, halfEven, zeroquantScheme } from './testing/reference.ts';

const binding = await loadBinding();

const product = fc.record({
  rows: fc.constantFrom(8, 16, 30, 40),
  cols: fc.constantFrom(32, 64, 96, 160),
  parts: fc.constantFrom(null, 1, 2, 4, 5, 8, 10, 16, 20, 32, 40),
  bits: fc.constantFrom(1, 2, 3, 4, 5, 6, 8),
  symmetric: fc.boolean(),
  activationBits: fc.constantFrom<ActivationBits>(4, 6, 8),
  activationsSymmetric: fc.boolean(),
  tokens: fc.constantFrom(1, 3, 17),
  outlier: fc.boolean(),
  seed: fc.integer({ min: 1, max: 2 ** 30 }),
});

test('every width, cut and rounding of activations gives the product of the simulation', async () => {
  let ran = 0;
  await fc.assert(
    fc.asyncProperty(product, async ({ rows, cols, parts, bits, symmetric: either, activationBits, activationsSymmetric, tokens, outlier, seed }) => {
      const symmetric = either || bits <= 2;
      const activations: ActivationRecipe = {
        bits: activationBits,
        symmetric: activationsSymmetric,
        granularity: 'per_token',
        dynamic: true,
        rule: 'zeroquant',
      };
      const scheme = zeroquant.fit?.(zeroquantScheme(bits, symmetric, parts), { rows, cols, activations });
      if (typeof scheme !== 'object') return; // This number of parts does not go with this shape.
      const [values, x] = [drawn(rows * cols, seed), drawn(tokens * cols, seed + 1)];
      if (outlier) x[cols >> 1] = 1e4;
      const matrix = await zeroquant.quantizeModule(binding, { type: 'f32', rows, cols, data: new Uint8Array(values.buffer) }, scheme);
      assert.ok(matrix.kind === 'affine');
      const spec = affineWeight(matrix);
      const restored = await (await binding.createWeight(spec)).dequantize();
      const weight = await binding.createWeight({ ...spec, codec: integerCodec(matrix.bits), activations: activationSpec(activations) });
      const y = await weight.matmul(x, tokens);
      for (let token = 0; token < tokens; token++) {
        const given = simulated([...x.subarray(token * cols, (token + 1) * cols)], activationBits, activationsSymmetric);
        // Codes and zero points are summed apart, and may cancel.
        const rounding = 4e-6 * given.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        for (let row = 0; row < rows; row++) {
          let [sum, size] = [0, 0];
          for (const [column, value] of given.entries()) {
            const term = value * (restored[row * cols + column] ?? Number.NaN);
            [sum, size] = [sum + term, size + Math.abs(term)];
          }
          const got = y[token * rows + row] ?? Number.NaN;
          assert.ok(Math.abs(got - sum) <= 1e-5 * size + rounding, `token ${token}, row ${row}: ${got} beside ${sum}`);
        }
      }
      ran++;
    }),
    { numRuns: 200 },
  );
  assert.ok(ran > 50, `only ${ran} products`);
});

/** One token by deepspeed/compression/utils.py :: SymQuantizer, AsymQuantizer; steps that decide on codes in 32 bits. */
function simulated(x: readonly number[], bits: number, symmetric: boolean): readonly number[] {
  const f = Math.fround;
  const [least, most] = [Math.min(...x), Math.max(...x)];
  const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
  if (symmetric) {
    const scale = f((2 * Math.max(-least, most)) / 2 ** bits);
    return x.map((value) => clamp(halfEven(f(value / scale)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * scale);
  }
  const scale = f(f(most - least) / 2 ** bits);
  const steps = halfEven(f(least / scale));
  return x.map((value) => (clamp(halfEven(f(f(value - f(steps * scale)) / scale)), 0, 2 ** bits - 1) + steps) * scale);
}
