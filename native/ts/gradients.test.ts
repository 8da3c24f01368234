import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProgramSpec } from './binding.ts';
import { binding, dense, refuses, rejects, wrong } from './testing.ts';

/** y = (x * weight of the norm, normed) W^T with two inputs and one output. */
async function program(): Promise<ProgramSpec> {
  const weight = await dense(1, 2, [1, 1]);
  return {
    input: 'hidden',
    values: [2, 1],
    body: [
      { op: 'layernorm', in: 0, out: 0, weight: Float32Array.of(1, 1), bias: Float32Array.of(0, 0), eps: 0 },
      { op: 'linear', in: 0, out: 1, weight },
    ],
    head: [],
    output: 1,
  };
}

describe('Tape', () => {
  test('forward keeps what backward needs, with parameters as they are then', async () => {
    const matrix = Float32Array.of(2, 3);
    const vector = Float32Array.of(1, 1, 0, 0);
    const tape = binding.createTape({
      program: await program(),
      replaced: [
        { op: 1, matrix },
        { op: 0, vector },
      ],
      wanted: [
        { op: 1, of: 'matrix' },
        { op: 0, of: 'vector' },
        { op: 1, of: 'columns', against: Float32Array.of(10, 100) },
      ],
      inputGradient: true,
    });
    vector.set([5, 7, 0, 1]);
    // Rows are normed to (-1, 1): y = -2 * 5 + 3 * (7 + 1).
    assert.deepEqual([...(await tape.forward(Float32Array.of(1, 3, -4, 4), Int32Array.of(1, 1), true))], [14, 14]);
    const { input, wanted } = await tape.backward(Float32Array.of(1, 0.5));
    assert.deepEqual(
      wanted.map((gradient) => [...gradient]),
      [
        [-7.5, 12],
        [-3, 4.5, 3, 4.5],
        [-75, 1200],
      ],
    );
    assert.deepEqual([...(input ?? [])].map(Math.abs), [0, 0, 0, 0]);
    await rejects(tape.backward(Float32Array.of(1, 1)), /run forward with keep first/);
    assert.ok(tape.bytes(2) >= 2 * 4 * (2 + 2 + 1));
  });

  test('losses are means, and give gradients', async () => {
    const identity = await dense(2, 2, [1, 0, 0, 1]);
    const spec: ProgramSpec = { input: 'hidden', values: [2, 2], body: [{ op: 'linear', in: 0, out: 1, weight: identity }], head: [], output: 1 };
    const tape = binding.createTape({ program: spec, replaced: [], wanted: [], inputGradient: true });
    const squared = await tape.squaredError(Float32Array.of(1, 2), Int32Array.of(1), Float32Array.of(0, 4));
    assert.deepEqual([squared.loss, [...(squared.input ?? [])], squared.wanted], [2.5, [1, -2], []]);
    const predicted = await tape.crossEntropy(Float32Array.of(0, 0, 9, 9), Int32Array.of(2), Int32Array.of(1, -1));
    assert.ok(Math.abs(predicted.loss - Math.LN2) < 1e-6);
    assert.deepEqual([...(predicted.input ?? [])], [0.5, -0.5, 0, 0]);
  });

  test('what does not fit is refused by name', async () => {
    const spec = await program();
    const create = (parts: object) => () => binding.createTape(wrong({ program: spec, replaced: [], wanted: [], ...parts }));
    refuses(create({ replaced: [{ op: 1, matrix: Float32Array.of(1) }] }), /replaced\[0\]\.matrix/);
    refuses(create({ replaced: [{ op: 0, matrix: Float32Array.of(1) }] }), /op 0 has no matrix/);
    refuses(create({ wanted: [{ op: 1, of: 'vector' }] }), /body\[1\] linear: has no gradient of its vector/);
    refuses(create({ wanted: [{ op: 7, of: 'matrix' }] }), /wanted\[0\]\.op/);
    const tape = binding.createTape({ program: spec, replaced: [], wanted: [] });
    await rejects(tape.forward(Float32Array.of(1, 2, 3), Int32Array.of(1), false), /input/);
    await rejects(tape.forward(Float32Array.of(1, 2), Int32Array.of(0), false), /at least one token/);
    await rejects(tape.crossEntropy(Float32Array.of(1, 2), Int32Array.of(1), Int32Array.of(1)), /Target 1 of row 0/);
    const running = tape.forward(Float32Array.of(1, 2), Int32Array.of(1), false);
    await rejects(tape.forward(Float32Array.of(1, 2), Int32Array.of(1), false), /running already/);
    await running;
    tape.release();
  });
});

describe('rtnValues', () => {
  const options = { dialect: 'inc', bits: 4, symmetric: true, groupSize: 2, scaleType: 'f32' } as const;

  test('rounds the product with the columns', async () => {
    const out = new Float32Array(4);
    await binding.rtnValues(Float32Array.of(7, 3.4, 1, 14), 2, 2, Float32Array.of(1, 0.5), options, out);
    assert.deepEqual([...out], [7, 2, 1, 7]);
    await binding.rtnValues(Float32Array.of(7, 3.4, 1, 14), 2, 2, null, options, out);
    assert.deepEqual([...out], [7, 3, 0, 14]);
  });

  test('refuses shapes that do not fit', async () => {
    const weight = new Float32Array(4);
    await rejects(binding.rtnValues(weight, 2, 2, null, options, weight), /out must not be the weight/);
    await rejects(binding.rtnValues(weight, 2, 2, new Float32Array(3), options, new Float32Array(4)), /column/);
    await rejects(binding.rtnValues(weight, 2, 2, null, { ...options, groupSize: 5 }, new Float32Array(4)), /group_size 5/);
  });
});
