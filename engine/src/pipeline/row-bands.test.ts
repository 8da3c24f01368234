// Rows in bands against the whole matrix: the bytes of every tensor in every layout, with and without activation order.
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
import { gptq } from '../methods/gptq/method.ts';
import { hessianInputs } from '../methods/hessian.ts';
import type { LayerInputs } from '../methods/method.ts';
import { applyToModule } from './apply.ts';
import { ownTarget } from './judge.ts';
import { layoutOf } from './layouts/registry.ts';
import { planQuantization } from './plan.ts';
import { bandRows, goesInRowBands, writeInRowBands } from './row-bands.ts';
import { createSink } from './sink.ts';

const binding = await loadBinding();
const [rows, cols] = [160, 96];
const configs = [
  { weight_format: 'uint3', group_size: 20, save_format: 'quantwright', desc_act: true, symmetric: false },
  { weight_format: 'uint4', group_size: 32, save_format: 'gptq', desc_act: true, symmetric: false },
  { weight_format: 'int8', group_size: -1, save_format: 'gptq_v2' },
  { weight_format: 'uint4', group_size: 32, save_format: 'compressed-tensors', symmetric: false },
  { weight_format: 'int2', group_size: 32, save_format: 'compressed-tensors' },
];

for (const config of configs) {
  test(`${JSON.stringify(Object.values(config))} is the same in bands of rows`, async (t) => {
    const { mapped, plan, module, layout } = await planned(t, config);
    const { data, matrix } = await applyToModule(binding, mapped, gptq, layout, module, inputs());
    for (const step of [32, 64, 160]) {
      const directory = await temporary(t);
      const sink = await createSink(directory, [{ part: 'all', tensors: plan.tensors }], false);
      const sqnrDb = await writeInRowBands({ binding, mapped, method: gptq, layout, sink, budgetBytes: 0 }, module, inputs(), undefined, step);
      assert.ok(Math.abs(sqnrDb - matrix.sqnrDb) < 1e-9, `${sqnrDb} and ${matrix.sqnrDb}`);
      await sink.finishPart('all', { modules: [], warnings: [] });
      await sink.finish();
      const written = mapCheckpoint(await openCheckpoint(directory), binding);
      for (const [index, { name }] of module.tensors.entries())
        assert.deepEqual(written.read(name), new Uint8Array(data[index] ?? []), `${name}, ${step} rows`);
      written.close();
    }
  });
}

test('only matrices of more than a band are taken apart, and never coded ones', async (t) => {
  const { module } = await planned(t, configs[0] ?? {});
  assert.equal(goesInRowBands(gptq, module), false);
  const large = { ...module, rows: 32000, cols: 4096 };
  assert.equal(bandRows(large), 4096);
  assert.equal(goesInRowBands(gptq, large), true);
  assert.equal(goesInRowBands(gptq, { ...large, scheme: { ...large.scheme, kind: 'spqr' } }), false);
});

test('a weight that is not finite is refused by its place in the whole matrix', async (t) => {
  const { mapped, plan, module, layout } = await planned(t, configs[1] ?? {}, (values) => {
    values[70 * cols + 5] = Number.NaN;
  });
  const sink = await createSink(await temporary(t), [{ part: 'all', tensors: plan.tensors }], false);
  await assert.rejects(
    writeInRowBands({ binding, mapped, method: gptq, layout, sink, budgetBytes: 0 }, module, inputs(), undefined, 32),
    (error) => error instanceof EngineError && error.kind === 'checkpoint' && error.message.includes('weight [70, 5] is not a finite number'),
  );
  await sink.abort();
});

function inputs(): LayerInputs {
  const full = new Float32Array(cols * cols);
  for (let i = 0; i < cols; i++) for (let j = 0; j < cols; j++) full[i * cols + j] = Math.exp(-Math.abs(i - j) / 4) * (1 + (i % 7)) * (1 + (j % 7));
  return hessianInputs(binding, async () => binding.createHessian(full, cols), { dampPercent: 0.01, samples: 4 });
}

async function planned(t: TestContext, config: object, change: (values: Float32Array) => void = () => {}) {
  const directory = await temporary(t);
  const name = 'model.layers.0.mlp.up_proj.weight';
  const values = Float32Array.from({ length: rows * cols }, (_, index) => Math.sin(index * 0.7) * (1 + (index % 97) / 30));
  change(values);
  const writer = await createCheckpoint(directory, [{ name, dtype: 'F32', shape: [rows, cols] }]);
  await writer.write(name, values);
  await writer.finish();
  const text = JSON.stringify({ quant_method: 'gptq', ...config });
  const { recipe } = checkConfig({ fileName: 'a.quant.json', text, modelConfigText: null, targets: [ownTarget] });
  assert.ok(recipe !== null);
  const checkpoint = await openCheckpoint(directory);
  const linear = { module: 'model.layers.0.mlp.up_proj', block: 0, rows, cols, weight: checkpoint.info(name), input: null, transposed: false, lmHead: false };
  const layout = layoutOf(recipe);
  const plan = planQuantization(recipe, gptq, layout, { blocks: [[linear]], others: [] });
  const mapped = mapCheckpoint(checkpoint, binding);
  t.after(() => mapped.close());
  const [module] = plan.modules;
  assert.ok(module !== undefined);
  return { mapped, plan, module, layout };
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-row-bands-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
