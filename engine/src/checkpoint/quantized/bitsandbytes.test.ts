// bitsandbytes int8: the weights are code * SCB / 127, row by row, and what is not that is refused by name.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadBinding } from '../../jobs/binding.ts';
import { openCheckpoint } from '../checkpoint.ts';
import { type MappedCheckpoint, mapCheckpoint } from '../mapped.ts';
import { createSafetensors, type TensorPlan } from '../writer.ts';
import { parseQuantization } from './config.ts';
import { readLinear } from './linear.ts';

const binding = await loadBinding();
const [rows, cols] = [6, 40];
const codes = Int8Array.from({ length: rows * cols }, (_, index) => ((index * 37) % 255) - 127);
const maxima = Float32Array.from({ length: rows }, (_, row) => 0.5 + row * 0.37);
const config = parseQuantization({ quant_method: 'bitsandbytes', load_in_8bit: true }, 'config.json');

async function stored(t: TestContext, format: number, scb: Float32Array = maxima): Promise<MappedCheckpoint> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-bnb-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const plan: (TensorPlan & { readonly data: ArrayBufferView })[] = [
    { name: 'm.weight', dtype: 'I8', shape: [rows, cols], data: codes },
    { name: 'm.SCB', dtype: 'F32', shape: [scb.length], data: scb },
    { name: 'm.weight_format', dtype: 'U8', shape: [1], data: Uint8Array.of(format) },
  ];
  const writer = await createSafetensors(join(directory, 'model.safetensors'), plan);
  for (const { name, data } of plan) await writer.write(name, data);
  await writer.finish();
  return mapCheckpoint(await openCheckpoint(directory), binding);
}

test('weights are codes times the maximum of their row, over 127', async (t) => {
  const { spec } = await readLinear(await stored(t, 0), { module: 'm', rows, cols }, config, binding);
  const weights = await (await binding.createWeight(spec)).dequantize();
  for (const [index, weight] of weights.entries()) {
    const wanted = ((codes[index] ?? 0) * (maxima[Math.floor(index / cols)] ?? 0)) / 127;
    assert.ok(Math.abs(weight - wanted) <= 1e-6 * Math.abs(wanted), `${index}: ${weight}, ${wanted}`);
  }
});

test('tiled orders and missing rows are refused by name', async (t) => {
  const place = { module: 'm', rows, cols };
  await assert.rejects(readLinear(await stored(t, 1), place, config, binding), /tensor m\.weight_format names a tiled order/);
  await assert.rejects(readLinear(await stored(t, 0, maxima.slice(1)), place, config, binding), /tensor m\.SCB has shape \[5\]; \[6\] is needed/);
});
