// Rows in bands against the whole matrix: the bytes of every tensor in every layout, with and without activation order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { gptq } from '../methods/gptq/method.ts';
import { hessianInputs } from '../methods/hessian.ts';
import type { LayerInputs } from '../methods/method.ts';
import { applyToModule } from './apply.ts';
import { bandRows, goesInRowBands, writeInRowBands } from './row-bands.ts';
import { assertWritten, plannedModule } from './testing/planned-module.ts';

const binding = await loadBinding();
const [rows, cols] = [160, 96];
const configs = [
  { quant_method: 'gptq', weight_format: 'uint3', group_size: 20, save_format: 'quantwright', desc_act: true, symmetric: false },
  { quant_method: 'gptq', weight_format: 'uint4', group_size: 32, save_format: 'gptq', desc_act: true, symmetric: false },
  { quant_method: 'gptq', weight_format: 'int8', group_size: -1, save_format: 'gptq_v2' },
  { quant_method: 'gptq', weight_format: 'uint4', group_size: 32, save_format: 'compressed-tensors', symmetric: false },
  { quant_method: 'gptq', weight_format: 'int2', group_size: 32, save_format: 'compressed-tensors' },
];

for (const config of configs) {
  test(`${JSON.stringify(Object.values(config).slice(1))} is the same in bands of rows`, async (t) => {
    const { mapped, module, layout, openSink } = await plannedModule(t, config, [rows, cols]);
    const { data, matrix } = await applyToModule(binding, mapped, gptq, layout, module, inputs());
    for (const step of [32, 64, 160]) {
      const { directory, sink } = await openSink();
      const sqnrDb = await writeInRowBands({ binding, mapped, method: gptq, layout, sink, budgetBytes: 0 }, module, inputs(), undefined, step);
      assert.ok(Math.abs(sqnrDb - matrix.sqnrDb) < 1e-9, `${sqnrDb} and ${matrix.sqnrDb}`);
      await assertWritten(sink, directory, module, data, `${step} rows`);
    }
  });
}

test('only matrices of more than a band are taken apart, and never coded ones', async (t) => {
  const { module } = await plannedModule(t, configs[0] ?? {}, [rows, cols]);
  assert.equal(goesInRowBands(gptq, module), false);
  const large = { ...module, rows: 32000, cols: 4096 };
  assert.equal(bandRows(large), 4096);
  assert.equal(goesInRowBands(gptq, large), true);
  assert.equal(goesInRowBands(gptq, { ...large, scheme: { ...large.scheme, kind: 'spqr' } }), false);
});

test('a weight that is not finite is refused by its place in the whole matrix', async (t) => {
  const { mapped, module, layout, openSink } = await plannedModule(t, configs[1] ?? {}, [rows, cols], (values) => {
    values[70 * cols + 5] = Number.NaN;
  });
  const { sink } = await openSink();
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
