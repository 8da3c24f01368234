import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProgramSpec, TrainerSpec } from './binding.ts';
import { binding, dense, refuses, rejects, wrong } from './testing.ts';

const optimizer = { learningRate: 0.25, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.4 };

/** y = x W^T + b with two inputs and one output. */
async function program(): Promise<ProgramSpec> {
  const linear = { op: 'linear', in: 0, out: 1, weight: await dense(1, 2, [0, 0]), bias: Float32Array.of(0) } as const;
  return { input: 'hidden', values: [2, 1], body: [linear], head: [], output: 1 };
}

describe('Trainer', () => {
  test('a step gives the loss before it, decays what decays and moves everything against its gradient', async () => {
    const matrix = Float32Array.of(1, 2);
    const bias = Float32Array.of(5);
    const trainer = binding.createTrainer({
      program: await program(),
      parameters: [
        { op: 0, of: 'matrix', values: matrix, decays: true },
        { op: 0, of: 'vector', values: bias },
      ],
      inputs: [],
      optimizer,
    });
    const at = [Float32Array.of(1, -1), Int32Array.of(1), Float32Array.of(3)] as const;
    // y = 1 - 2 + 5 = 4.
    assert.equal(await trainer.loss(...at), 1);
    assert.equal(await trainer.step(...at), 1);
    // The first update of AdamW is the rate, whatever the gradient: 0.9 * 1 - 0.25, 0.9 * 2 + 0.25, 5 - 0.25.
    for (const [value, wanted] of [...matrix, ...bias].map((value, index) => [value, [0.65, 2.05, 4.75][index] ?? 0] as const))
      assert.ok(Math.abs(value - wanted) < 1e-6, `${value} ${wanted}`);
    assert.ok(Math.abs((await trainer.loss(...at)) - (0.65 - 2.05 + 4.75 - 3) ** 2) < 1e-5);
    assert.ok(trainer.bytes(4) > trainer.bytes(1));
    trainer.release();
    trainer.release();
    await rejects(trainer.loss(...at), /was released/);
  });

  test('matrices are rounded in lines of the flat matrix, inputs row by row', async () => {
    const rounding = { dialect: 'qllm', bits: 4, symmetric: true, groupSize: -1, scaleType: 'f32' } as const;
    const spec = async (lines: number): Promise<TrainerSpec> => ({
      program: await program(),
      parameters: [{ op: 0, of: 'matrix', values: Float32Array.of(7, 0.4), rounding, lines }],
      inputs: [{ op: 0, activations: { kind: 'token', bits: 4, rule: 'smoothquant', symmetric: true } }],
      optimizer,
    });
    const input = Float32Array.of(7, 6.6, 70, 66);
    const loss = async (lines: number): Promise<number> => binding.createTrainer(await spec(lines)).loss(input, Int32Array.of(1, 1), Float32Array.of(49, 490));
    // As one line of scale 1, 0.4 is 0; as two of one weight each it is itself. 6.6 reads as 7, 66 as 70.
    assert.ok((await loss(1)) < 1e-6);
    assert.ok(Math.abs((await loss(2)) - (2.8 ** 2 + 28 ** 2) / 2) < 1e-3);
    await assert.rejects(async () => binding.createTrainer(await spec(3)), /between 1 and 2|1 to 2|lines/);
  });

  test('what cannot be trained is refused', async () => {
    const [spec, matrix] = [await program(), Float32Array.of(1, 2)];
    const make = (change: Partial<TrainerSpec>): unknown =>
      binding.createTrainer({ program: spec, parameters: [{ op: 0, of: 'matrix', values: matrix }], inputs: [], optimizer, ...change });
    refuses(() => make({ parameters: [{ op: 1, of: 'matrix', values: matrix }] }), /op/);
    refuses(() => make({ parameters: [{ op: 0, of: 'matrix', values: Float32Array.of(1) }] }), /values/);
    refuses(() => make({ parameters: wrong([{ op: 0, of: 'columns', values: matrix }]) }), /of/);
    refuses(() => make({ optimizer: { ...optimizer, beta1: 1 } }), /betas of 0 to below 1/);
    refuses(() => make({ inputs: [{ op: 0, activations: { kind: 'outliers', threshold: 6 } }] }), /only activations with one scale/, 'QW_UNSUPPORTED');
    const trainer = binding.createTrainer({ program: spec, parameters: [], inputs: [], optimizer });
    await rejects(trainer.step(Float32Array.of(1), Int32Array.of(1), Float32Array.of(1)), /input/);
    await rejects(trainer.step(Float32Array.of(1, 1), Int32Array.of(1), Float32Array.of(1, 1)), /target/);
  });
});
