// Weights for products of integers: what of their activations is refused, and with which words.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ActivationSpec } from './activations.ts';
import type { AffineWeightSpec, QrazorWeightSpec } from './binding.ts';
import { binding, rejects, wrong } from './testing.ts';

const spec = (activations?: ActivationSpec, more: Partial<AffineWeightSpec> = {}): AffineWeightSpec => ({
  codec: 'w8a8',
  rows: 2,
  cols: 4,
  groupSize: -1,
  codes: Int8Array.from([1, -2, 3, 4, -128, 127, 0, 5]),
  scale: Float32Array.from([0.5, 0.25]),
  zero: Float32Array.from([0, 1.5]),
  scaleType: 'f32',
  ...(activations === undefined ? {} : { activations }),
  ...more,
});

describe('createWeight with activations', () => {
  test('settings that no rule takes are refused in words', async () => {
    const token = { kind: 'token', bits: 8, rule: 'dashinfer', symmetric: true } as const;
    await rejects(binding.createWeight(spec({ ...token, bits: wrong(9) })), /spec\.activations\.bits must be an integer from 2 to 8, not 9/);
    await rejects(binding.createWeight(spec({ ...token, rule: wrong('absmax') })), /activations\.rule must be one of 'dashinfer', 'smoothquant'/);
    await rejects(binding.createWeight(spec({ ...token, symmetric: false })), /rules of dashinfer and smoothquant are symmetric/);
    await rejects(binding.createWeight(spec({ ...token, rule: 'affine' })), /the affine rule is not symmetric/);
    await rejects(binding.createWeight(spec({ kind: 'tensor', bits: 8, scale: 0, zero: 128 })), /a static scale of 0; needs a positive one/);
    await rejects(binding.createWeight(spec({ kind: 'tensor', bits: 8, scale: 1e-45, zero: 128 })), /a static scale of 1\.4\d*e-45/);
    await rejects(binding.createWeight(spec({ kind: 'tensor', bits: 6, scale: 1, zero: 64 })), /activations\.zero must be an integer from 0 to 63/);
    await rejects(binding.createWeight(spec({ kind: 'outliers', threshold: -1 })), /a threshold of at least 0/);
    const razored = { kind: 'razored', bits: 4, baseBits: 16, groupSize: 32, rule: 'qllm' } as const;
    await rejects(binding.createWeight(spec({ ...razored, bits: wrong(5) })), /razored activations keep 4 or 8 bits, not 5/);
    await rejects(binding.createWeight(spec({ ...razored, baseBits: wrong(12) })), /begin as 8 or 16 bits, not 12/);
    await rejects(binding.createWeight(spec({ ...razored, groupSize: 24 })), /by groups of 8, 16, 32, 64 or 128 columns, not 24/);
  });

  test('every rule is computed with', async () => {
    // One row of weights, 3 -1 2 1: y shows the codes of x by their sum, (code - zero) * scale of each.
    const of = async (activations: ActivationSpec, x: readonly number[]): Promise<number | undefined> => {
      const one = { rows: 1, codes: Int8Array.from([3, -1, 2, 1]), scale: Float32Array.of(1), zero: Float32Array.of(0) };
      const weight = await binding.createWeight(spec(activations, one));
      assert.equal(weight.codec, 'w8a8');
      return (await weight.matmul(Float32Array.from(x), 1))[0];
    };
    const token = { kind: 'token', bits: 4, symmetric: true } as const;
    // Of 3.5 and 4 bits: steps of 0.5, or of 7/16 with 3.5 clipped to 7 of them.
    assert.equal(await of({ ...token, rule: 'dashinfer' }, [3.5, -1.5, 0.2, 0.3]), 3 * 3.5 + 1.5 + 0.5);
    assert.equal(await of({ ...token, rule: 'smoothquant' }, [3.5, -1.5, 0.2, 0.3]), 3 * 3.5 + 1.5 + 0.5);
    assert.equal(await of({ ...token, rule: 'zeroquant' }, [3.5, 0, -0.875, 0]), 0.4375 * (3 * 7 - 2 * 2));
    // From 1 to 5: steps of 1/4, the 16th of which has no code; with 0 in the range, steps of 1/3.
    assert.equal(await of({ ...token, rule: 'zeroquant', symmetric: false }, [5, 1, 2, 3]), 3 * 4.75 - 1 + 4 + 3);
    assert.equal(await of({ ...token, rule: 'affine', symmetric: false }, [5, 1, 2, -0]), Math.fround(Math.fround(1 / 3) * (3 * 15 - 3 + 2 * 6)));
    const tensor = { kind: 'tensor', bits: 4, scale: 0.5, zero: 3 } as const;
    assert.equal(await of(tensor, [1, -9, 9, 0.24]), 3 - -1.5 + 2 * 6);
  });

  test('without activations, w8a8 multiplies as DashInfer does', async () => {
    const weight = await binding.createWeight(spec());
    assert.equal(weight.codec, 'w8a8');
    // 127 and -64 of x = [1, -0.5, 0, 0]: (127 - 2 * -64) * 0.5 / 127, and (-128 * 127 + 127 * -64 - 63 * 1.5) * 0.25 / 127
    const y = await weight.matmul(Float32Array.from([1, -0.5, 0, 0]), 1);
    assert.deepEqual(
      [...y],
      [(127 + 128) * 0.5, (-128 * 127 - 127 * 64 - 63 * 1.5) * 0.25].map((value) => Math.fround(value * Math.fround(1 / 127))),
    );
  });

  test('groups, column orders and 4-bit codes have kernels of their own', async () => {
    const groups = { groupSize: 2, scale: Float32Array.from([0.5, 1, 0.25, 2]), zero: Float32Array.from([0, 1, 0.5, 0]) };
    const small = { codec: 'w4a8', codes: Int8Array.from([1, -2, 3, 4, -8, 7, 0, 5]) } as const;
    const x = Float32Array.from([127, -64, 3, 5]);
    const eight = await binding.createWeight(spec(undefined, groups));
    assert.equal(eight.codec, 'w8a8_groups');
    assert.deepEqual([...(await eight.matmul(x, 1))], [0.5 * (127 + 128) + (2 * 3 + 3 * 5), 0.25 * (-128.5 * 127 - 126.5 * 64) + 2 * (5 * 5)]);
    const four = await binding.createWeight(spec(undefined, { ...groups, ...small }));
    assert.equal(four.codec, 'w4a8');
    assert.deepEqual([...(await four.matmul(x, 1))], [0.5 * (127 + 128) + (2 * 3 + 3 * 5), 0.25 * (-8.5 * 127 - 6.5 * 64) + 2 * (5 * 5)]);
    const ordered = await binding.createWeight(spec(undefined, { ...groups, ...small, gIdx: Int32Array.from([1, 0, 1, 0]) }));
    assert.deepEqual([...(await ordered.matmul(x, 1))], [0.5 * (128 + 20) + (0 * 127 + 2 * 3), 0.25 * (-6.5 * 64 + 4.5 * 5) + 2 * (-8 * 127)]);
    await rejects(binding.createWeight(spec(undefined, { ...groups, codec: 'w4a8' })), /code -128 at row 1, column 0 does not fit signed 4 bits/);
  });

  test('razored activations multiply razored weights', async () => {
    // x' of one token: 8 of 16 bits in groups of 8, by a weight that shows them one by one.
    const identity: QrazorWeightSpec = {
      codec: 'qrazor',
      rows: 16,
      cols: 16,
      groupSize: 8,
      axis: 'inputs',
      baseBits: 8,
      bits: 4,
      codes: Int8Array.from({ length: 256 }, (_, at) => (at % 17 === 0 ? 1 : 0)),
      shifts: new Uint8Array(32),
      scale: new Float32Array(16).fill(1),
      activations: { kind: 'razored', bits: 8, baseBits: 16, groupSize: 8, rule: 'qllm' },
    };
    const weight = await binding.createWeight(identity);
    assert.equal(weight.codec, 'qrazor_int8');
    const x = Float32Array.from({ length: 16 }, (_, at) => (at < 8 ? 32767 - 1000 * at : at));
    const wanted = Array.from(x, (value, at) => (at < 8 ? Math.min(127, Math.round(value / 256)) * 256 : value));
    assert.deepEqual([...(await weight.matmul(x, 1))], wanted);
    await assert.rejects(binding.createWeight(spec(identity.activations)), /razored activations: those need weights of qrazor/);
  });
});
