// What the kind stores is read back as the weight that the kernels got: shapes, packing of shifts, settings, and refusals.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PackedBits } from '@quantwright/native/binding';
import { loadNative } from '@quantwright/native/load';
import type { ActivationRecipe, Recipe } from '@quantwright/schemas/recipe/recipe';
import fc from 'fast-check';
import { plainActivations } from '../../checkpoint/activations.ts';
import { openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../../checkpoint/mapped.ts';
import { createSafetensors } from '../../checkpoint/writer.ts';
import type { CodedMatrix, ModuleScheme } from '../../methods/method.ts';
import { qrazor } from '../../methods/qrazor/method.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import { qrazorKind, unpackRows } from './kind.ts';

const native = await loadNative();
if (!native.ok) throw new Error(native.reason);
const { binding } = native;
const folder = mkdtempSync(join(tmpdir(), 'quantwright-qrazor-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function schemeOf(bits: number, groupSize: number, options: Partial<NonNullable<Recipe['qrazor']>> = {}): ModuleScheme {
  const qrazorOptions = { baseBits: 8, rule: 'qllm', compAware: false, groupAxis: 'inputs', ...options } as const;
  return {
    kind: 'qrazor',
    recipe: { methods: options.groupAxis === undefined ? ['qrazor'] : ['gptq', 'qrazor'], qrazor: qrazorOptions } as unknown as Recipe,
    weights: { dtype: 'int', bits, signed: true, symmetric: true, groupSize, zeroPoint: 'none', descAct: false, staticGroups: false },
    dialect: 'qllm',
    mseSearch: false,
    fullRange: false,
    scaleType: 'f16',
  };
}

const planOf = (rows: number, cols: number, scheme: ModuleScheme): ModulePlan => ({ module: 'linear', block: 0, rows, cols, scheme, activations: null });

test('shifts come back from words along their lines', async () => {
  const packed = fc.record({ lines: fc.integer({ min: 1, max: 9 }), count: fc.integer({ min: 1, max: 40 }), bits: fc.constantFrom<PackedBits>(3, 4, 5, 8) });
  await fc.assert(
    fc.asyncProperty(packed, fc.infiniteStream(fc.nat(255)), async ({ lines, count, bits }, numbers) => {
      const codes = Uint8Array.from([...numbers.take(lines * count)], (value) => value & ((1 << bits) - 1));
      assert.deepEqual(unpackRows(await binding.packRows(codes, lines, count, bits), lines, count, bits), codes);
    }),
    { numRuns: 60 },
  );
});

async function written(matrix: CodedMatrix, name: string) {
  const file = join(folder, `${name}.safetensors`);
  const tensors = matrix.tensors.map(({ suffix, dtype, shape, data }) => ({ name: `linear.${suffix}`, dtype, shape, data }));
  const writer = await createSafetensors(file, tensors, {});
  for (const tensor of tensors) await writer.write(tensor.name, tensor.data);
  await writer.finish();
  return mapCheckpoint(await openCheckpoint(file), binding);
}

test('a matrix that was written is read as the same weight', async () => {
  for (const [rows, cols, bits, groupSize, baseBits] of [
    [20, 96, 4, 8, 8],
    [7, 64, 3, 32, 16],
    [33, 128, 8, 128, 16],
  ] as const) {
    const scheme = schemeOf(bits, groupSize, { baseBits });
    const alone = { ...scheme, recipe: { ...scheme.recipe, methods: ['qrazor'] } as unknown as Recipe };
    const data = new Uint8Array(Float32Array.from({ length: rows * cols }, (_, at) => Math.sin(at * 1.7) * (1 + (at % 13))).buffer);
    const matrix = await qrazor.quantizeModule(binding, { type: 'f32', rows, cols, data }, alone);
    const plan = planOf(rows, cols, alone);
    const mapped = await written(matrix, `${bits}-${groupSize}`);
    const read = await qrazorKind.read(mapped, { module: 'linear', rows, cols }, { kind: 'qrazor', bits, group_size: groupSize, ...qrazorKind.settings(plan) });
    const [kept, again] = [await binding.createWeight(matrix.spec), await binding.createWeight(read)];
    assert.equal(again.codec, 'qrazor');
    assert.deepEqual(await again.dequantize(), await kept.dequantize());
    mapped.close();
  }
});

test('activations of its products are written and read with it', async () => {
  const activations: ActivationRecipe = { ...plainActivations, bits: 4, rule: 'qrazor', baseBits: 16, groupSize: 16 };
  const data = new Uint8Array(Float32Array.from({ length: 24 * 64 }, (_, at) => Math.sin(at * 2.3)).buffer);
  const source = { type: 'f32', rows: 24, cols: 64, data } as const;
  for (const rule of ['qllm', 'original'] as const) {
    const scheme: ModuleScheme = { ...schemeOf(4, 32, { rule, groupAxis: 'inputs' }), activations };
    const matrix = await qrazor.quantizeModule(binding, source, scheme);
    const plan = { ...planOf(24, 64, scheme), activations };
    assert.equal(qrazorKind.codec(plan), 'qrazor_int8');
    const mapped = await written(matrix, `activations-${rule}`);
    const settings = { kind: 'qrazor', bits: 4, group_size: 32, ...qrazorKind.settings(plan) };
    const read = await qrazorKind.read(mapped, { module: 'linear', rows: 24, cols: 64 }, settings);
    assert.deepEqual(read.codec === 'qrazor' && read.activations, { kind: 'razored', bits: 4, baseBits: 16, groupSize: 16, rule });
    const [kept, again] = [await binding.createWeight(matrix.spec), await binding.createWeight(read)];
    assert.equal(again.codec, 'qrazor_int8');
    const x = Float32Array.from({ length: 3 * 64 }, (_, at) => Math.cos(at * 0.7) * (1 + (at % 5)));
    assert.deepEqual(await again.matmul(x, 3), await kept.matmul(x, 3));
    await assert.rejects(qrazorKind.read(mapped, { module: 'linear', rows: 24, cols: 64 }, { ...settings, compute_method: 'both' }), /linear: compute_method/);
    mapped.close();
  }
});

test('what the kind cannot hold is refused with what to do', () => {
  assert.equal(qrazorKind.refusal(planOf(8, 384, schemeOf(4, 128))), null);
  assert.match(qrazorKind.refusal(planOf(8, 96, schemeOf(4, 64))) ?? '', /groups of 64 do not divide its 96 inputs; use 32/);
  assert.equal(qrazorKind.refusal(planOf(8, 100, schemeOf(4, 64, { groupAxis: 'outputs' }))), null);
  assert.match(qrazorKind.refusal(planOf(8, 96, schemeOf(2, 8))) ?? '', /keeps 3, 4 or 8 bits, not 2/);
  assert.match(qrazorKind.refusal(planOf(8, 96, schemeOf(4, 24))) ?? '', /groups of 8, 16, 32, 64, 128, not of 24/);
  const activated = (cols: number, more: Partial<ActivationRecipe>) =>
    qrazorKind.refusal({ ...planOf(8, cols, schemeOf(4, 8)), activations: { ...plainActivations, ...more } }) ?? '';
  assert.equal(activated(96, {}), '');
  assert.equal(activated(96, { rule: 'qrazor', bits: 4, baseBits: 16, groupSize: 32 }), '');
  assert.match(activated(96, { rule: 'qrazor', groupSize: 64 }), /razored by groups of 64 do not divide its 96 inputs; use 32/);
  assert.match(activated(96, { rule: 'qrazor', groupSize: 48 }), /groups of 8, 16, 32, 64, 128, not of 48/);
  assert.match(activated(96, { rule: 'qrazor', bits: 6 }), /keeps 4 or 8 bits of activations, not 6/);
  assert.match(activated(96, { dynamic: false, granularity: 'per_tensor' }), /use dynamic ones/);
  assert.match(activated(96, { rule: 'llm_int8' }), /8-bit weights per channel/);
});

test('settings that config.json may have wrong are refused by name', async () => {
  const matrix = await qrazor.quantizeModule(binding, { type: 'f32', rows: 4, cols: 16, data: new Uint8Array(256) }, schemeOf(4, 8));
  const mapped = await written(matrix, 'settings');
  const place = { module: 'linear', rows: 4, cols: 16 };
  const right = { bits: 4, base_bits: 8, group_size: 8, group_axis: 'inputs' };
  await qrazorKind.read(mapped, place, right);
  for (const [key, value] of [
    ['bits', 5],
    ['base_bits', 12],
    ['group_size', 24],
    ['group_size', 32],
    ['group_axis', 'rows'],
  ] as const) {
    await assert.rejects(qrazorKind.read(mapped, place, { ...right, [key]: value }), new RegExp(`linear: ${key} of its qrazor weights is`));
  }
  await assert.rejects(qrazorKind.read(mapped, { ...place, rows: 5 }, right), /linear\.codes has shape \[4, 2\]; \[5, 2\] is needed/);
  mapped.close();
});
