// The promise of the project, and the figures of a plan. No weights: a plan needs headers only.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import { isShape, modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import fc from 'fast-check';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { TensorInfo } from '../checkpoint/header.ts';
import { planBytes, type TensorPlan } from '../checkpoint/writer.ts';
import { EngineError } from '../errors.ts';
import { methodOf } from '../methods/registry.ts';
import { ownTarget } from './judge.ts';
import { layoutOf } from './layouts/registry.ts';
import { jobMemory, memoryRefusal } from './memory/phase.ts';
import { planQuantization, type QuantizePlan } from './plan.ts';
import { modelSource } from './source.ts';

const base = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
};
/** Everything in multiples of 128, and a width that nothing divides. */
const models = [
  { ...base, hidden_size: 256, intermediate_size: 512, head_dim: 64 },
  { ...base, hidden_size: 64, intermediate_size: 172, head_dim: 16 },
  { ...base, hidden_size: 256, intermediate_size: 512, head_dim: 64, vocab_size: 510 },
  { ...base, hidden_size: 256, intermediate_size: 512, head_dim: 64, tie_word_embeddings: true },
];

function shapeOf(config: object): ModelShape {
  const shape = modelShapeFromConfig(config);
  assert.ok(isShape(shape));
  return shape;
}

/** The headers of a model of this shape. */
function checkpointOf(shape: ModelShape, change: (tensor: TensorPlan) => TensorPlan = (tensor) => tensor): Checkpoint {
  const linears = shape.linears.flatMap((linear) =>
    Array.from({ length: linear.kind === 'lm_head' ? 1 : shape.layers }, (_, layer) => ({
      name: `${linear.module.replace('{i}', String(layer))}.weight`,
      dtype: 'BF16' as const,
      shape: [linear.out, linear.in],
    })),
  );
  const plans = [...linears, { name: 'model.norm.weight', dtype: 'BF16' as const, shape: [shape.hiddenSize] }].map(change);
  const tensors = new Map(plans.map((plan): [string, TensorInfo] => [plan.name, { ...plan, file: 'model.safetensors', offset: 8, bytes: planBytes(plan) }]));
  return {
    path: 'model',
    files: ['model.safetensors'],
    fileBytes: 1,
    metadata: new Map(),
    names: [...tensors.keys()].sort(),
    has: (name) => tensors.has(name),
    find: (name) => tensors.get(name),
    info: (name) => tensors.get(name) ?? assert.fail(`no ${name}`),
  };
}

function planFor(config: object, model: object): QuantizePlan {
  const { recipe } = checkConfig({ fileName: 'a.quant.json', text: JSON.stringify(config), modelConfigText: JSON.stringify(model), targets: [ownTarget] });
  assert.ok(recipe !== null, 'the config has a recipe');
  const shape = shapeOf(model);
  return planQuantization(recipe, methodOf(recipe), layoutOf(recipe), modelSource(shape, checkpointOf(shape), recipe.lmHead === true));
}

const config = fc.record(
  {
    quant_method: fc.constantFrom('instant_quant', 'rtn', 'gptq', 'awq'),
    weight_format: fc.constantFrom('int8', 'uint8', 'int4', 'uint4', 'int3', 'uint3', 'int2', 'uint2', 'fp8_e4m3'),
    group_size: fc.constantFrom(-1, 16, 32, 64, 100, 128, 1024),
    compute_method: fc.constantFrom('weight_only', 'activate_quant'),
    save_format: fc.constantFrom('quantwright', 'gptq', 'gptq_v2', 'compressed-tensors'),
    dialect: fc.constantFrom('ist', 'qllm', 'inc', 'awq', 'compressed_tensors'),
    symmetric: fc.boolean(),
    scale_type: fc.constantFrom('float16', 'float32'),
    desc_act: fc.boolean(),
    lm_head: fc.boolean(),
    ignore: fc.constantFrom([], ['.*down_proj'], ['lm_head'], ['model.*'], ['.*']),
    overrides: fc.constantFrom({}, { '.*up_proj': { weight_format: 'int8' } }, { '.*down_proj': { group_size: 43 } }, { lm_head: { group_size: 43 } }),
  },
  { requiredKeys: ['quant_method', 'weight_format'] },
);

test('a config without errors plans; one that cannot be planned has an error', () => {
  let planned = 0;
  fc.assert(
    fc.property(config, fc.constantFrom(...models), (value, model) => {
      const checked = checkConfig({ fileName: 'a.quant.json', text: JSON.stringify(value), modelConfigText: JSON.stringify(model), targets: [ownTarget] });
      if (checked.findings.some((finding) => finding.severity === 'error')) return;
      const plan = planFor(value, model);
      assert.ok(plan.modules.length > 0);
      planned++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(planned > 100, `only ${planned} of the configs had no error: the test shows little`);
});

test('a plan counts what it reads, writes and leaves', () => {
  const [model = {}] = models;
  const plan = planFor({ quant_method: 'instant_quant', weight_format: 'uint4', group_size: 64, ignore: ['.*down_proj'] }, model);
  assert.deepEqual([plan.blocks.length, plan.modules.length, plan.left.length], [2, 12, 2]);
  assert.equal(
    plan.inputBytes,
    plan.modules.reduce((sum, module) => sum + 2 * module.rows * module.cols, 0) + plan.copied.reduce((sum, tensor) => sum + tensor.bytes, 0),
  );
  const weights = plan.modules.reduce((sum, module) => sum + module.rows * module.cols, 0);
  // 4 bits and two 16-bit numbers for 64 weights; 16 bytes of weight_shape a module.
  assert.equal(
    plan.modules.reduce((sum, module) => sum + module.bytes, 0),
    (weights * (4 + 32 / 64)) / 8 + 12 * 16,
  );
});

test('the output matrix is planned where the config asks for it, and copied elsewhere', () => {
  const [model = {}] = models;
  const job = { quant_method: 'rtn', weight_format: 'int4', group_size: 64, save_format: 'gptq' };
  const [with8, without] = [planFor({ ...job, lm_head: true, overrides: { lm_head: { weight_format: 'int8' } } }, model), planFor(job, model)];
  assert.equal(without.modules.length, 14);
  assert.ok(without.copied.some(({ name }) => name === 'lm_head.weight'));
  const head = with8.modules.at(-1);
  assert.deepEqual([with8.modules.length, with8.blocks.length, head?.module, head?.block, head?.scheme.weights.bits], [15, 3, 'lm_head', 2, 8]);
  assert.ok(!with8.copied.some(({ name }) => name === 'lm_head.weight'));
  // bf16 against 8 bits, a scale of 16 bits and a zero of 8 for 64 weights, and a group index of 32 bits a column.
  assert.equal(without.outputBytes - with8.outputBytes, 512 * 256 * 2 - (512 * 256 * (8 + 24 / 64)) / 8 - 256 * 4);
});

test('a job above the memory limit is refused with both figures and what would hold it', () => {
  const [model = {}] = models;
  const { demands } = planFor({ quant_method: 'instant_quant', weight_format: 'int8' }, model);
  const refusal = (limit: number | null): string | null => memoryRefusal(demands, jobMemory(demands, 2 ** 26, limit), limit);
  assert.match(refusal(1024) ?? '', /needs at least 65 MiB, more than the memory limit of 1 MiB: 64 MiB for the process .* a memory limit of 65 MiB/);
  assert.equal(refusal(null), null);
  assert.equal(refusal(2 ** 40), null);
});

const wrongs: readonly [string, (tensor: TensorPlan) => TensorPlan, RegExp][] = [
  [
    'has another shape',
    (tensor) => (tensor.name.includes('0.mlp.down') ? { ...tensor, shape: [1, 2] } : tensor),
    /down_proj\.weight has shape \[1, 2\], but config\.json says \[256, 512\]/,
  ],
  ['is missing', (tensor) => (tensor.name.includes('1.mlp.up') ? { ...tensor, name: 'other' } : tensor), /no tensor model\.layers\.1\.mlp\.up_proj\.weight/],
  [
    'is quantized already',
    (tensor) => (tensor.name.includes('0.mlp.up') ? { ...tensor, name: tensor.name.replace('weight', 'qweight'), dtype: 'I32' } : tensor),
    /quantized already/,
  ],
  ['holds integers', (tensor) => (tensor.name.includes('0.mlp.up') ? { ...tensor, dtype: 'I8' } : tensor), /up_proj\.weight has type I8/],
];
for (const [what, change, words] of wrongs) {
  test(`a model whose linear ${what} is refused by name`, () => {
    const shape = shapeOf(models[0] ?? {});
    assert.throws(
      () => modelSource(shape, checkpointOf(shape, change), true),
      (error) => error instanceof EngineError && error.kind === 'checkpoint' && words.test(error.message),
    );
  });
}
