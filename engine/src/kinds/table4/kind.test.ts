// What the kind stores is read back as the weight that the kernels got, in groups that divide the rows and in groups that do not.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadNative } from '@quantwright/native/load';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import fc from 'fast-check';
import { plainActivations } from '../../checkpoint/activations.ts';
import { openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../../checkpoint/mapped.ts';
import { createSafetensors } from '../../checkpoint/writer.ts';
import type { ModuleScheme } from '../../methods/method.ts';
import { rtnOfTables } from '../../methods/rtn/table4.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import { table4Kind } from './kind.ts';
import { tableValues } from './values.ts';

const native = await loadNative();
if (!native.ok) throw new Error(native.reason);
const { binding } = native;
const folder = mkdtempSync(join(tmpdir(), 'quantwright-table4-'));
after(() => rmSync(folder, { recursive: true, force: true }));

type Table = { readonly type: 'nf4' | 'fp4'; readonly dialect: 'inc' | 'bitsandbytes' };

function schemeOf({ type, dialect }: Table, groupSize: number, scaleType: ModuleScheme['scaleType']): ModuleScheme {
  return {
    kind: 'table4',
    recipe: { methods: ['rtn'], tableDialect: dialect } as unknown as Recipe,
    weights: { dtype: type, bits: 4, signed: true, symmetric: true, groupSize, zeroPoint: 'none', descAct: false, staticGroups: false },
    dialect: 'inc',
    mseSearch: false,
    fullRange: false,
    scaleType,
  };
}

const planOf = (rows: number, cols: number, scheme: ModuleScheme): ModulePlan => ({ module: 'linear', block: 0, rows, cols, scheme, activations: null });
const table = fc.record({ type: fc.constantFrom('nf4', 'fp4'), dialect: fc.constantFrom('inc', 'bitsandbytes') });

test('the values of a plan are those of the native quantizer', async () => {
  for (const type of ['nf4', 'fp4'] as const) {
    for (const dialect of ['inc', 'bitsandbytes'] as const) {
      const source = { type: 'f32', rows: 1, cols: 8, data: new Uint8Array(32) } as const;
      const { values } = await binding.quantizeTable4(source, { type, dialect, groupSize: -1, scaleType: 'f32' });
      assert.deepEqual(
        [...tableValues(type, dialect)].map((value) => value + 0),
        [...values].map((value) => value + 0),
      );
    }
  }
});

test('a matrix that was written is read as the same weight, whose values are those of the table', async () => {
  const shape = fc.record({ rows: fc.integer({ min: 1, max: 20 }), eights: fc.integer({ min: 1, max: 12 }), group: fc.constantFrom(-1, 8, 16, 32, 64) });
  let which = 0;
  await fc.assert(
    fc.asyncProperty(table, shape, fc.constantFrom('f16', 'f32'), async (of, { rows, eights, group }, scaleType) => {
      const cols = 8 * eights;
      const scheme = schemeOf(of, Math.min(group, cols), scaleType);
      const plan = planOf(rows, cols, scheme);
      assert.equal(table4Kind.refusal(plan), null);
      const weights = Float32Array.from({ length: rows * cols }, (_, at) => Math.sin(at * 1.7) * (1 + (at % 13)));
      const matrix = await rtnOfTables.quantizeModule(binding, { type: 'f32', rows, cols, data: new Uint8Array(weights.buffer) }, scheme);
      assert.ok(matrix.kind === 'table4');
      const file = join(folder, `${which++}.safetensors`);
      const tensors = matrix.tensors.map(({ suffix, dtype, shape: dims, data }) => ({ name: `linear.${suffix}`, dtype, shape: dims, data }));
      const writer = await createSafetensors(file, tensors, {});
      for (const tensor of tensors) await writer.write(tensor.name, tensor.data);
      await writer.finish();
      const mapped = mapCheckpoint(await openCheckpoint(file), binding);
      const settings = { kind: 'table4', group_size: scheme.weights.groupSize, ...table4Kind.settings(plan) };
      const read = await table4Kind.read(mapped, { module: 'linear', rows, cols }, settings);
      const restored = await (await binding.createWeight(read)).dequantize();
      assert.deepEqual(restored, await (await binding.createWeight(matrix.spec)).dequantize());
      const signal = weights.reduce((sum, value) => sum + value * value, 0);
      const noise = weights.reduce((sum, value, at) => sum + (value - (restored[at] ?? 0)) ** 2, 0);
      assert.ok(Math.abs(10 * Math.log10(signal / noise) - matrix.sqnrDb) < 0.01);
      mapped.close();
    }),
    { numRuns: 40 },
  );
});

test('what the kernel cannot take, and what config.json may have wrong, is refused', async () => {
  const scheme = schemeOf({ type: 'nf4', dialect: 'inc' }, 64, 'f32');
  assert.match(table4Kind.refusal(planOf(4, 100, scheme)) ?? '', /groups of 64 in rows of 100 change every 4 columns; a multiple of 8/);
  assert.match(table4Kind.refusal({ ...planOf(4, 64, scheme), activations: plainActivations }) ?? '', /activate_quant is not for them/);
  const mapped = mapCheckpoint(await openCheckpoint(join(folder, '0.safetensors')), binding);
  const place = { module: 'linear', rows: 1, cols: 8 };
  await assert.rejects(table4Kind.read(mapped, place, { values: [1, 2], group_size: 8 }), /values of its table4 weights is .*16 numbers are needed/);
  await assert.rejects(table4Kind.read(mapped, place, { values: Array(16).fill(1), group_size: 0 }), /group_size of its table4 weights is 0/);
  mapped.close();
});
