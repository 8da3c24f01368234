// Bands against the long way: quantizeModule keeps every code as a byte and the layout packs them. Every layout, at budgets from one band to many.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { createCheckpoint } from '../checkpoint/sharded-writer.ts';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { methods } from '../methods/registry.ts';
import { applyToModule } from './apply.ts';
import { goesInBands, writeInBands } from './bands.ts';
import { ownTarget } from './judge.ts';
import { layoutOf } from './layouts/registry.ts';
import { planQuantization } from './plan.ts';
import { createSink } from './sink.ts';

const binding = await loadBinding();
const [rows, cols] = [416, 192];

const configs = [
  { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 32, save_format: 'quantwright' },
  { quant_method: 'instant_quant', weight_format: 'int8', group_size: -1, save_format: 'quantwright', scale_type: 'float32' },
  { quant_method: 'instant_quant', weight_format: 'int8', group_size: -1, save_format: 'quantwright', compute_method: 'activate_quant' },
  { quant_method: 'rtn', weight_format: 'int3', group_size: 100, save_format: 'quantwright', dialect: 'qllm' },
  { quant_method: 'rtn', weight_format: 'int4', group_size: 64, save_format: 'quantwright', dialect: 'inc', mse_search: true },
  { quant_method: 'rtn', weight_format: 'uint4', group_size: 64, save_format: 'gptq', symmetric: false },
  { quant_method: 'rtn', weight_format: 'int2', group_size: 32, save_format: 'gptq_v2' },
  { quant_method: 'rtn', weight_format: 'uint4', group_size: 64, save_format: 'compressed-tensors', symmetric: false },
  { quant_method: 'rtn', weight_format: 'int8', group_size: -1, save_format: 'compressed-tensors', compute_method: 'activate_quant' },
];

for (const config of configs) {
  test(`${JSON.stringify(Object.values(config))} is the same in bands`, async (t) => {
    const { mapped, plan, module, layout, method } = await planned(t, config);
    assert.ok(goesInBands(method, layout, module));
    const { data, matrix } = await applyToModule(binding, mapped, method, layout, module);
    for (const budgetBytes of [Number.POSITIVE_INFINITY, 300_000, 0]) {
      const directory = await temporary(t);
      const sink = await createSink(directory, [{ part: 'all', tensors: plan.tensors }], false);
      assert.equal(await writeInBands({ binding, mapped, method, layout, sink, budgetBytes }, module), matrix.sqnrDb);
      await sink.finishPart('all', { modules: [], warnings: [] });
      await sink.finish();
      const written = mapCheckpoint(await openCheckpoint(directory), binding);
      for (const [index, { name }] of module.tensors.entries()) assert.deepEqual(written.read(name), new Uint8Array(data[index] ?? []), name);
      written.close();
    }
  });
}

test('a weight that is not finite is refused by name and place', async (t) => {
  const { mapped, plan, module, layout, method } = await planned(t, configs[0] ?? {}, (values) => {
    values[70 * cols + 5] = Number.NaN;
  });
  const sink = await createSink(await temporary(t), [{ part: 'all', tensors: plan.tensors }], false);
  await assert.rejects(
    writeInBands({ binding, mapped, method, layout, sink, budgetBytes: 0 }, module),
    (error) => error instanceof EngineError && error.kind === 'checkpoint' && error.message.includes('weight [70, 5] is not a finite number'),
  );
  await sink.abort();
});

test('a file that cannot be written is told by its name', async (t) => {
  const { mapped, plan, module, layout, method } = await planned(t, configs[0] ?? {});
  const directory = await temporary(t);
  const sink = await createSink(directory, [{ part: 'all', tensors: plan.tensors }], false);
  await rm(directory, { recursive: true });
  await assert.rejects(
    writeInBands({ binding, mapped, method, layout, sink, budgetBytes: 0 }, module),
    (error) => error instanceof EngineError && error.kind === 'io' && error.message.includes('model.safetensors.partial'),
  );
  await sink.abort();
});

async function planned(t: TestContext, config: object, change: (values: Float32Array) => void = () => {}) {
  const directory = await temporary(t);
  const name = 'model.layers.0.mlp.up_proj.weight';
  const values = Float32Array.from({ length: rows * cols }, (_, index) => Math.sin(index * 0.7) * (1 + (index % 97) / 30));
  change(values);
  const writer = await createCheckpoint(directory, [{ name, dtype: 'F32', shape: [rows, cols] }]);
  await writer.write(name, values);
  await writer.finish();
  const { recipe } = checkConfig({ fileName: 'a.quant.json', text: JSON.stringify(config), modelConfigText: null, targets: [ownTarget] });
  assert.ok(recipe !== null);
  const [id = 'rtn'] = recipe.methods;
  const method = methods[id];
  assert.ok(method !== undefined);
  const checkpoint = await openCheckpoint(directory);
  const linear = { module: 'model.layers.0.mlp.up_proj', block: 0, rows, cols, weight: checkpoint.info(name), input: null, transposed: false, lmHead: false };
  const layout = layoutOf(recipe);
  const plan = planQuantization(recipe, method, layout, { blocks: [[linear]], others: [] });
  const mapped = mapCheckpoint(checkpoint, binding);
  t.after(() => mapped.close());
  const [module] = plan.modules;
  assert.ok(module !== undefined);
  return { mapped, plan, module, layout, method };
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-bands-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
