// TEQ against the reference: one linear with its gradient, and training of a whole model by its own loss.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { readJsonObject } from '@quantwright/engine/checkpoint/json-file';
import { mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import type { ModuleScheme } from '@quantwright/engine/methods/method';
import { createAdam } from '@quantwright/engine/methods/teq/adam';
import { createModelTraining } from '@quantwright/engine/methods/teq/train-model';
import { teq } from '@quantwright/engine/methods/teq/transform';
import { parseModelConfig } from '@quantwright/engine/model/config';
import { scalingPairs } from '@quantwright/engine/model/scaling-pairs';
import type { RtnOptions } from '@quantwright/native/binding';
import { lowerCustomized } from '@quantwright/schemas/configs/quantwright/lower';
import { goldenBinding } from './binding.ts';
import { goldenCases, goldenTensor, goldenTensors } from './cases.ts';
import { runGoldenCases } from './outcome.ts';
import { compareWith } from './tolerance.ts';

const binding = await goldenBinding();

runGoldenCases(
  'teq',
  async ({ golden, tensors, same }) => {
    const weight = goldenTensor(tensors, 'in.weight');
    const [rows = 0, cols = 0] = weight.shape;
    const alpha = Float32Array.from(goldenTensor(tensors, 'in.alpha').data);
    const x = goldenTensor(tensors, 'in.x').data;
    const rounded = new Float32Array(rows * cols);
    await binding.rtnValues(Float32Array.from(weight.data), rows, cols, alpha, rounding(golden.params), rounded);
    same('weight_fakequant', rounded);
    const data = new Uint8Array(rounded.buffer);
    const tape = binding.createTape({
      program: {
        input: 'hidden',
        values: [cols, rows],
        body: [
          {
            op: 'linear',
            in: 0,
            out: 1,
            weight: await binding.createWeight({ codec: 'dense', type: 'f32', rows, cols, data }),
            bias: Float32Array.from(goldenTensor(tensors, 'in.bias').data),
          },
        ],
        head: [],
        output: 1,
      },
      replaced: [],
      wanted: [{ op: 0, of: 'columns', against: Float32Array.from(weight.data) }],
      inputGradient: true,
    });
    const divided = Float32Array.from(x, (value, at) => value / (alpha[at % cols] ?? 1));
    same('y', await tape.forward(divided, Int32Array.of(x.length / cols), true));
    const { input, wanted } = await tape.backward(Float32Array.from(goldenTensor(tensors, 'in.grad_out').data));
    const gradient = Float64Array.from(wanted[0] ?? []);
    for (const [at, slope] of (input ?? new Float32Array()).entries())
      gradient[at % cols] = (gradient[at % cols] ?? 0) - (slope * (x[at] ?? 0)) / (alpha[at % cols] ?? 1) ** 2;
    same('grad_alpha', Float32Array.from(gradient));
  },
  (golden) => (golden.case.startsWith('teq_linear_') ? null : 'trains a model, below'),
);

for (const golden of goldenCases('teq').cases.filter(({ case: name }) => name.startsWith('teq_train_'))) {
  const modelDir = join(golden.root, String(golden.params['model_dir']));
  test(`training by the model's loss: ${golden.case}`, { skip: existsSync(modelDir) ? false : `${modelDir} is not there` }, async (t) => {
    const tensors = goldenTensors(golden);
    const config = parseModelConfig(await readJsonObject(`${modelDir}/config.json`, 1e6), 'config.json');
    const mapped = mapCheckpoint(await openCheckpoint(modelDir), binding);
    t.after(() => mapped.close());
    const ids = goldenTensor(tensors, 'in.input_ids');
    const [steps = 0, batch = 0, length = 0] = ids.shape;
    const { recipe } = lowerCustomized('quantwright', { quant_method: 'teq' }, []);
    assert.ok(recipe);
    const scheme: ModuleScheme = {
      weights: {
        ...recipe.weights,
        bits: Number(golden.params['bits']),
        groupSize: Number(golden.params['group_size']),
        symmetric: golden.params['scheme'] === 'sym',
      },
      dialect: 'inc',
      mseSearch: false,
      fullRange: false,
      scaleType: 'f32',
    };
    const modules = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];
    const layers = Array.from({ length: config.shape.layers }, (_, layer) => layer);
    const job = {
      binding,
      recipe,
      config,
      mapped,
      sequences: [],
      pairs: (layer: number) => scalingPairs(config, layer).filter((pair) => teq.uses(pair)),
      schemes: new Map(layers.flatMap((layer) => modules.map((module) => [`model.layers.${layer}.${module}`, scheme] as const))),
      modules: [],
      budgetBytes: 0,
    };
    const training = await createModelTraining(job, 0);
    const names = training.places.map(({ pair }) => pair.producer.module.replace('model.layers.', 'l'));
    const adam = createAdam(
      training.places.map(({ alpha }) => alpha),
      { learningRate: Number(golden.params['lr']), steps, warmup: 0.05 },
    );
    const check = (tensor: string, rule: string, values: Float32Array): void => {
      const result = compareWith(golden.tolerance[rule] ?? assert.fail(rule), values, goldenTensor(tensors, tensor).data);
      t.diagnostic(`${tensor}: ${result.detail}`);
      assert.ok(result.ok, `${tensor}: ${result.detail}`);
    };
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      const sequences = Array.from({ length: batch }, (_, at) =>
        Int32Array.from(ids.data.subarray((step * batch + at) * length, (step * batch + at + 1) * length)),
      );
      const { loss, gradients } = await training.gradients(sequences);
      losses.push(loss);
      if (step === 0) for (const [at, name] of names.entries()) check(`out.grad_step0.${name}`, 'grad_step0', gradients[at] ?? assert.fail(name));
      adam.update(gradients);
      await training.round();
    }
    check('out.losses', 'losses', Float32Array.from(losses));
    for (const [at, name] of names.entries()) check(`out.alpha_final.${name}`, 'alpha_final', training.places[at]?.alpha ?? assert.fail(name));
  });
}

function rounding(params: Readonly<Record<string, unknown>>): RtnOptions {
  return {
    dialect: 'inc',
    bits: params['bits'] === 4 ? 4 : 3,
    symmetric: params['scheme'] === 'sym',
    groupSize: Number(params['group_size']),
    scaleType: 'f32',
  };
}
