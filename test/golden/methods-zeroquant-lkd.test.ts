// LKD against the reference loop: an MLP whose linears round weights and inputs, trained on the outputs of its unrounded self. Losses of every step, and the
// weights in the end.
import assert from 'node:assert/strict';
import type { Op, TrainedParameter } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { goldenTensor, goldenTensors } from './cases.ts';
import { runGoldenCases } from './outcome.ts';
import { compareWith } from './tolerance.ts';

const binding = await goldenBinding();
const places = ['w_gate', 'w_up', 'w_down'] as const;

runGoldenCases(
  'zeroquant',
  async ({ golden, tensors, same }) => {
    const { data: x, shape } = goldenTensor(tensors, 'in.x');
    const [steps = 0, batch = 0, tokens = 0, hidden = 0] = shape;
    const matrices = places.map((name) => ({ name, ...goldenTensor(tensors, `in.${name}`) }));
    const inner = matrices[0]?.shape[0] ?? 0;
    const linears = await Promise.all(
      matrices.map(async ({ data, shape: [rows = 0, cols = 0] }, at): Promise<Op> => {
        const weight = await binding.createWeight({ codec: 'dense', type: 'f32', rows, cols, data: new Uint8Array(Float32Array.from(data).buffer) });
        return { op: 'linear', in: at === 2 ? 3 : 0, out: [1, 2, 4][at] ?? 0, weight };
      }),
    );
    const body: Op[] = [...linears.slice(0, 2), { op: 'silu_mul', gate: 1, up: 2, out: 3 }, ...linears.slice(2), { op: 'add', a: 0, b: 4, out: 5 }];
    const program = { input: 'hidden', values: [hidden, inner, inner, inner, hidden, hidden], body, head: [], output: 5 } as const;
    const ops = [0, 1, 3];
    const parameters = matrices.map(({ data, shape: [rows = 0] }, at): TrainedParameter => {
      const rounding = { dialect: 'zeroquant', bits: golden.params['weight_bits'] === 4 ? 4 : 8, symmetric: true, groupSize: -1, scaleType: 'f32' } as const;
      return { op: ops[at] ?? 0, of: 'matrix', values: Float32Array.from(data), decays: true, rounding, lines: rows };
    });
    const trainer = binding.createTrainer({
      program,
      parameters,
      inputs:
        golden.params['act_bits'] === 8 ? ops.map((op) => ({ op, activations: { kind: 'token', bits: 8, rule: 'zeroquant', symmetric: true } as const })) : [],
      optimizer: { learningRate: Number(golden.params['lr']), beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 1e-5 },
    });
    const teacher = binding.createTape({ program, replaced: [], wanted: [] });
    const lengths = new Int32Array(batch).fill(tokens);
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      const input = Float32Array.from(x.subarray(step * batch * tokens * hidden, (step + 1) * batch * tokens * hidden));
      losses.push(await trainer.step(input, lengths, await teacher.forward(input, lengths, false)));
    }
    same('losses', losses);
    // Nearer than the rule asks: these losses are hardly above its absolute part.
    const exact = compareWith({ rule: 'relative_frobenius', max: 2e-3 }, losses, goldenTensor(tensors, 'out.losses').data);
    assert.ok(exact.ok, exact.detail);
    const rule = golden.tolerance['final'] ?? assert.fail('no tolerance of the final weights');
    for (const [at, { name }] of matrices.entries()) {
      const { ok, detail } = compareWith(rule, parameters[at]?.values ?? [], goldenTensor(goldenTensors(golden), `out.${name}_final`).data);
      assert.ok(ok, `${name}: ${detail}`);
    }
  },
  (golden) => (golden.case.startsWith('zq_lkd_') ? null : 'rounds without training'),
);
