// ZeroQuant between DeepSpeed's compression_training and our own config, both ways.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../check/check.ts';
import { moduleActivations, moduleWeights } from '../recipe/module-weights.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { conversions, convert, recipeOf } from './testing.ts';

const linears = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];
const names = ['0', '1', '10'].flatMap((layer) => linears.map((linear) => `model.layers.${layer}.${linear}`));

function settings(recipe: Recipe): readonly unknown[] {
  return names.map((name) => {
    const weights = moduleWeights(recipe)(name);
    const activations = weights === null ? null : moduleActivations(recipe)(name);
    return [name, weights?.bits, weights?.symmetric, weights?.groupSize, activations?.bits, activations?.symmetric, activations?.dynamic];
  });
}

test('a compression_training of ZeroQuant becomes the job that makes such weights', () => {
  const text = JSON.stringify({
    fp16: { enabled: false },
    compression_training: {
      layer_reduction: { enabled: false, keep_number_layer: 5 },
      weight_quantization: {
        shared_parameters: { enabled: true, quantize_groups: 64, quantization_type: 'asymmetric', quantize_weight_in_forward: true },
        different_groups: {
          wq1: { params: { start_bits: 8, target_bits: 8 }, modules: ['self_attn'] },
          wq2: { params: { start_bits: 4, target_bits: 4 }, modules: ['mlp'] },
        },
      },
      activation_quantization: {
        shared_parameters: { enabled: true, quantization_type: 'asymmetric', range_calibration: 'dynamic' },
        different_groups: { aq1: { params: { bits: 8 }, modules: ['self_attn'] } },
      },
      sparse_pruning: { shared_parameters: { enabled: false }, different_groups: {} },
    },
  });
  const { fileName, text: made, losses } = convert('quant-json', 'ds_config.json', text);
  assert.equal(fileName, 'zeroquant-uint8-channel.quant.json');
  assert.deepEqual(JSON.parse(made), {
    quant_method: 'zeroquant',
    weight_format: 'uint8',
    group_size: -1,
    activations: { symmetric: false },
    zeroquant: { quantize_groups: 64 },
    ignore: ['(?!.*self_attn|.*mlp)'],
    overrides: { '.*mlp': { weight_format: 'uint4', activations: null } },
  });
  assert.deepEqual(losses, []);
});

test('what is on in training and has no part in quantizing is told', () => {
  const reduced = { layer_reduction: { enabled: true, keep_number_layer: 2, teacher_layer: [0, 3] } };
  const weights = { shared_parameters: { enabled: true }, different_groups: { wq: { params: { start_bits: 4, target_bits: 4 } } } };
  const config = { compression_training: { ...reduced, weight_quantization: weights } };
  assert.deepEqual(convert('quant-json', 'ds.json', config).losses, ['"layer_reduction" has no counterpart in the new config.']);
  const { findings } = checkConfig({ fileName: 'ds.json', text: JSON.stringify(config), modelConfigText: null, targets: [] });
  assert.ok(findings.some(({ severity, message }) => severity === 'hint' && /layer_reduction changes the model while it is trained/.test(message)));
});

test('one number of groups and one kind of rounding go into compression_training; other jobs of ZeroQuant do not', () => {
  const offered = (more: object): boolean => conversions('a.quant.json', { quant_method: 'zeroquant', ...more }).some(({ id }) => id === 'deepspeed');
  const groups = { zeroquant: { quantize_groups: 64 } };
  assert.ok(offered(groups));
  assert.ok(offered({ ...groups, weight_format: 'uint4', activations: { bits: 4, symmetric: false } }));
  assert.ok(!offered({}));
  assert.ok(!offered({ ...groups, overrides: { '.*mlp': { weight_format: 'uint4', symmetric: false } } }));
  assert.ok(!offered({ ...groups, activations: { bits: 6 } }));
});

test('distillation is told as lost: compression_training has its own way to train', () => {
  const job = { quant_method: 'zeroquant', zeroquant: { quantize_groups: 64, lkd: { blocks: [-1], steps: 10 } } };
  assert.match(convert('deepspeed', 'a.quant.json', job).losses.join(), /^lkd \(.*"steps":10.*\) is not said in the new config\.$/);
});

const pattern = fc.constantFrom('.*mlp', '.*self_attn', '.*down_proj', '.*[qk]_proj', 'model.layers.(0|1)\\.', '.*gate|.*up');
const activation = fc.constantFrom(undefined, null, { bits: 4 }, { bits: 8 });
const job = fc.record({
  weight_format: fc.constantFrom('int8', 'int4', 'int3'),
  quantize_groups: fc.constantFrom(1, 8, 64),
  weightOnly: fc.boolean(),
  ignore: fc.uniqueArray(pattern, { maxLength: 2 }),
  overrides: fc.uniqueArray(fc.record({ pattern, format: fc.constantFrom(undefined, 'int2', 'int4', 'int8'), activation }), {
    maxLength: 3,
    selector: (one) => one.pattern,
  }),
});

test('a job there and back quantizes the same modules in the same way', () => {
  fc.assert(
    fc.property(job, ({ weight_format, quantize_groups, weightOnly, ignore, overrides }) => {
      const config = {
        quant_method: 'zeroquant',
        weight_format,
        zeroquant: { quantize_groups },
        ...(weightOnly ? { compute_method: 'weight_only' } : {}),
        ignore,
        overrides: Object.fromEntries(
          overrides.map((one) => [
            one.pattern,
            {
              ...(one.format === undefined ? {} : { weight_format: one.format }),
              ...(one.activation === undefined || weightOnly ? {} : { activations: one.activation }),
            },
          ]),
        ),
      };
      const before = recipeOf('a.quant.json', config);
      const there = convert('deepspeed', 'a.quant.json', config);
      assert.deepEqual(settings(recipeOf('ds_config.json', there.text)), settings(before), there.text);
      const back = convert('quant-json', 'ds_config.json', there.text);
      assert.deepEqual(back.losses, []);
      const after = recipeOf('a.quant.json', back.text);
      assert.deepEqual(settings(after), settings(before), back.text);
      assert.deepEqual(after.zeroquant, before.zeroquant);
    }),
    { numRuns: 200 },
  );
});
