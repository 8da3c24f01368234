// Bands against the long way: quantizeModule keeps every code as a byte and the layout packs them. Every layout, at budgets from one band to many.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { applyToModule } from './apply.ts';
import { goesInBands, writeInBands } from './bands.ts';
import { assertWritten, plannedModule } from './testing/planned-module.ts';

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
    const { mapped, module, layout, method, openSink } = await plannedModule(t, config, [rows, cols]);
    assert.ok(goesInBands(method, layout, module));
    const { data, matrix } = await applyToModule(binding, mapped, method, layout, module);
    for (const budgetBytes of [Number.POSITIVE_INFINITY, 300_000, 0]) {
      const { directory, sink } = await openSink();
      assert.equal(await writeInBands({ binding, mapped, method, layout, sink, budgetBytes }, module), matrix.sqnrDb);
      await assertWritten(sink, directory, module, data, `${budgetBytes} bytes`);
    }
  });
}

test('a weight that is not finite is refused by name and place', async (t) => {
  const { mapped, module, layout, method, openSink } = await plannedModule(t, configs[0] ?? {}, [rows, cols], (values) => {
    values[70 * cols + 5] = Number.NaN;
  });
  const { sink } = await openSink();
  await assert.rejects(
    writeInBands({ binding, mapped, method, layout, sink, budgetBytes: 0 }, module),
    (error) => error instanceof EngineError && error.kind === 'checkpoint' && error.message.includes('weight [70, 5] is not a finite number'),
  );
  await sink.abort();
});

test('a file that cannot be written is told by its name', async (t) => {
  const { mapped, module, layout, method, openSink } = await plannedModule(t, configs[0] ?? {}, [rows, cols]);
  const { directory, sink } = await openSink();
  await rm(directory, { recursive: true });
  await assert.rejects(
    writeInBands({ binding, mapped, method, layout, sink, budgetBytes: 0 }, module),
    (error) => error instanceof EngineError && error.kind === 'io' && error.message.includes('model.safetensors.partial'),
  );
  await sink.abort();
});
