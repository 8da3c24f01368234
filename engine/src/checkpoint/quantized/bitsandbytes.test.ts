// bitsandbytes int8: the weights are code * SCB / 127, row by row, multiplied beside outlier columns, and what is not that is refused by name.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { loadBinding } from '../../jobs/binding.ts';
import type { AffineMatrix } from '../../methods/method.ts';
import { bitsandbytesLayout } from '../../pipeline/layouts/bitsandbytes.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import { plainActivations } from '../activations.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import { parseQuantization } from './config.ts';
import { readLinear } from './linear.ts';
import { mapTensors } from './testing/stored-tensors.ts';

const binding = await loadBinding();
const [rows, cols] = [6, 40];
const codes = Int8Array.from({ length: rows * cols }, (_, index) => ((index * 37) % 255) - 127);
const maxima = Float32Array.from({ length: rows }, (_, row) => 0.5 + row * 0.37);
const parse = (more: Readonly<Record<string, unknown>> = {}) => parseQuantization({ quant_method: 'bitsandbytes', load_in_8bit: true, ...more }, 'config.json');
const config = parse();

function stored(t: TestContext, format: number, scb: Float32Array | null = maxima): Promise<MappedCheckpoint> {
  return mapTensors(
    t,
    [
      { name: 'm.weight', dtype: 'I8', shape: [rows, cols], data: codes },
      ...(scb === null ? [] : [{ name: 'm.SCB', dtype: 'F32' as const, shape: [scb.length], data: scb }]),
      { name: 'm.weight_format', dtype: 'U8', shape: [1], data: Uint8Array.of(format) },
    ],
    binding,
  );
}

test('weights are codes times the maximum of their row, over 127', async (t) => {
  const { spec } = await readLinear(await stored(t, 0), { module: 'm', rows, cols }, config, binding);
  const weights = await (await binding.createWeight(spec)).dequantize();
  for (const [index, weight] of weights.entries()) {
    const wanted = ((codes[index] ?? 0) * (maxima[Math.floor(index / cols)] ?? 0)) / 127;
    assert.ok(Math.abs(weight - wanted) <= 1e-6 * Math.abs(wanted), `${index}: ${weight}, ${wanted}`);
  }
});

test('columns from the threshold of the config on are multiplied as they are', async (t) => {
  const mapped = await stored(t, 0);
  const x = Float32Array.from({ length: 2 * cols }, (_, index) => (index === 3 ? 100 : Math.sin(index)));
  const errors: number[] = [];
  for (const threshold of [6, 0]) {
    const { spec } = await readLinear(mapped, { module: 'm', rows, cols }, parse({ llm_int8_threshold: threshold }), binding);
    const weight = await binding.createWeight(spec);
    assert.equal(weight.codec, 'llm_int8');
    const [w, y] = [await weight.dequantize(), await weight.matmul(x, 2)];
    const exact = Array.from(y, (_, at) => {
      const [i, row] = [Math.floor(at / rows), at % rows];
      return Array.from({ length: cols }, (_one, k) => (w[row * cols + k] ?? 0) * (x[i * cols + k] ?? 0)).reduce((a, b) => a + b, 0);
    });
    errors.push(Math.max(...exact.map((value, at) => Math.abs(value - (y[at] ?? 0)))));
  }
  const [kept = 0, rounded = 0] = errors;
  assert.ok(kept < 0.1 && rounded > 10 * kept, `errors ${kept} with the column kept, ${rounded} with it rounded`);
});

test('tiled orders, missing rows and missing scales are refused by name', async (t) => {
  const place = { module: 'm', rows, cols };
  await assert.rejects(readLinear(await stored(t, 1), place, config, binding), /tensor m\.weight_format names a tiled order/);
  await assert.rejects(readLinear(await stored(t, 0, maxima.slice(1)), place, config, binding), /tensor m\.SCB has shape \[5\]; \[6\] is needed/);
  await assert.rejects(readLinear(await stored(t, 0, null), place, config, binding), /tensor m\.weight is int8 without m\.SCB/);
});

test('settings that the tensors cannot mean are refused', () => {
  assert.throws(() => parse({ llm_int8_has_fp16_weight: true }), /llm_int8_has_fp16_weight: the weights are kept in 16 bits/);
  assert.throws(() => parse({ llm_int8_threshold: '6' }), /llm_int8_threshold is "6"; it must be a number/);
  assert.deepEqual(parse({ llm_int8_threshold: -1 }), { layout: 'bitsandbytes', threshold: 0 });
  // Modules kept on the CPU in 32 bits are stored so, and read as what they are.
  assert.deepEqual(parse({ llm_int8_enable_fp32_cpu_offload: true }), { layout: 'bitsandbytes', threshold: 6 });
});

const weights = { dtype: 'int', bits: 8, signed: true, symmetric: true, groupSize: -1, zeroPoint: 'none', descAct: false, staticGroups: false } as const;
const planOf = (rowCount: number, colCount: number): ModulePlan => ({
  module: 'm',
  block: 0,
  rows: rowCount,
  cols: colCount,
  activations: { ...plainActivations, rule: 'llm_int8', threshold: 6 },
  scheme: { weights, dialect: 'qllm', mseSearch: false, fullRange: false, scaleType: 'f32' },
});

test('what the layout writes the reader gives back', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 70 }), fc.integer(), async (height, width, seed) => {
      const values = Float32Array.from({ length: height * width }, (_, index) => Math.sin(seed + index * 12.9898) * (1 + (index % 5)));
      const plan = planOf(height, width);
      const rounded = await binding.quantizeRtn(
        { type: 'f32', rows: height, cols: width, data: new Uint8Array(values.buffer) },
        { dialect: 'qllm', bits: 8, symmetric: true, signed: true, groupSize: width, mse: false, fullRange: false, scaleType: 'f32' },
      );
      const matrix: AffineMatrix = { kind: 'affine', rows: height, cols: width, bits: 8, groupSize: width, symmetric: true, scaleType: 'f32', ...rounded };
      const bytes = await bitsandbytesLayout.pack(binding, plan, matrix);
      const tensors = bitsandbytesLayout.tensors(plan).map(({ suffix, dtype, shape }, index) => ({
        name: `m.${suffix}`,
        dtype,
        shape,
        data: bytes[index] ?? new Uint8Array(),
      }));
      const mapped = await mapTensors(t, tensors, binding);
      const { spec } = await readLinear(mapped, { module: 'm', rows: height, cols: width }, config, binding);
      const weight = await binding.createWeight(spec);
      const wanted = await binding.createWeight({ ...spec, codec: 'w8a8', codes: matrix.codes, scale: matrix.scale, zero: matrix.zero } as typeof spec);
      const [back, expected] = [await weight.dequantize(), await wanted.dequantize()];
      // SCB is 127 scales, so that a scale may come back with its last bit changed.
      for (const [index, value] of back.entries()) assert.ok(Math.abs(value - (expected[index] ?? 0)) <= 2e-7 * Math.abs(value), `${index}: ${value}`);
    }),
    { numRuns: 12 },
  );
});

test('the layout refuses what bitsandbytes cannot say', () => {
  const plan = planOf(4, 8);
  const refusal = (more: Partial<ModulePlan['scheme']['weights']>): string | null =>
    bitsandbytesLayout.refusal({ ...plan, scheme: { ...plan.scheme, weights: { ...weights, ...more } } });
  assert.equal(refusal({}), null);
  assert.match(refusal({ groupSize: 4 }) ?? '', /one scale a row, not 8 bits with group_size 4; use save_format "quantwright"/);
  assert.match(refusal({ bits: 4 }) ?? '', /8-bit codes/);
  assert.match(refusal({ symmetric: false }) ?? '', /no zero points; use weight_format "int8"/);
  assert.match(bitsandbytesLayout.refusal({ ...plan, activations: null }) ?? '', /is that of LLM\.int8\(\)/);
  assert.match(bitsandbytesLayout.refusal({ ...plan, activations: plainActivations }) ?? '', /quant_method "llm_int8"/);
});
