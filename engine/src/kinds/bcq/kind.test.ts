// What the kind stores is read back as the weight that the kernels got, for solved planes and converted codes; converted codes are the same weights; refusals.
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
import { createSafetensors, planBytes } from '../../checkpoint/writer.ts';
import { affineWeight } from '../../methods/affine.ts';
import { asPlanes, bcq } from '../../methods/bcq/method.ts';
import { gptq } from '../../methods/gptq/method.ts';
import type { CodedMatrix, ModuleScheme } from '../../methods/method.ts';
import { rtn } from '../../methods/rtn/method.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import { bcqKind } from './kind.ts';

const native = await loadNative();
if (!native.ok) throw new Error(native.reason);
const { binding } = native;
const folder = mkdtempSync(join(tmpdir(), 'quantwright-bcq-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function schemeOf(methods: readonly string[], bits: number, groupSize: number, more: Partial<ModuleScheme['weights']> = {}): ModuleScheme {
  return {
    kind: 'bcq',
    recipe: { methods, bcq: { rounds: 2, useBst: true } } as unknown as Recipe,
    weights: { dtype: 'int', bits, signed: false, symmetric: false, groupSize, zeroPoint: 'integer', descAct: false, staticGroups: false, ...more },
    dialect: 'ist',
    mseSearch: false,
    fullRange: false,
    scaleType: 'f16',
  };
}

const planOf = (rows: number, cols: number, scheme: ModuleScheme): ModulePlan => ({ module: 'linear', block: 0, rows, cols, scheme, activations: null });

function sourceOf(rows: number, cols: number, seed: number) {
  const values = Float32Array.from({ length: rows * cols }, (_, at) => Math.sin((at + seed) * 1.7) * (1 + ((at + seed) % 13)));
  return { type: 'f32', rows, cols, data: new Uint8Array(values.buffer) } as const;
}

let files = 0;
async function written({ tensors }: CodedMatrix) {
  const file = join(folder, `${++files}.safetensors`);
  const named = tensors.map(({ suffix, dtype, shape, data }) => ({ name: `linear.${suffix}`, dtype, shape, data }));
  const writer = await createSafetensors(file, named, {});
  for (const tensor of named) await writer.write(tensor.name, tensor.data);
  await writer.finish();
  return mapCheckpoint(await openCheckpoint(file), binding);
}

const shapes = fc
  .record({ rows: fc.integer({ min: 1, max: 37 }), cols: fc.integer({ min: 2, max: 150 }), bits: fc.constantFrom(1, 2, 3, 4), seed: fc.nat(1000) })
  .chain(({ cols, ...rest }) => fc.record({ cols: fc.constant(cols), groupSize: fc.option(fc.integer({ min: 1, max: cols + 9 })), rest: fc.constant(rest) }));

test('a matrix has the tensors that were planned, and what was written is read as the same weight', async () => {
  await fc.assert(
    fc.asyncProperty(shapes, fc.constantFrom('solved', 'converted'), async ({ cols, groupSize, rest: { rows, bits, seed } }, way) => {
      const converted = way === 'converted' && bits > 1;
      const scheme = schemeOf(converted ? ['rtn', 'bcq'] : ['bcq'], bits, groupSize ?? -1);
      const plan = planOf(rows, cols, scheme);
      const matrix = await (converted ? asPlanes(rtn) : bcq).quantizeModule(binding, sourceOf(rows, cols, seed), scheme);
      const planned = bcqKind.tensors(plan);
      assert.deepEqual(
        matrix.tensors.map(({ data: _data, ...tensor }) => tensor),
        planned,
      );
      for (const tensor of matrix.tensors) assert.equal(tensor.data.byteLength, planBytes({ ...tensor, name: tensor.suffix }));
      const mapped = await written(matrix);
      const settings = { kind: 'bcq', bits, group_size: groupSize ?? -1, ...bcqKind.settings(plan) };
      const read = await bcqKind.read(mapped, { module: 'linear', rows, cols }, settings);
      const [kept, again] = [await binding.createWeight(matrix.spec), await binding.createWeight(read)];
      assert.equal(again.codec, 'bcq');
      assert.deepEqual(await again.dequantize(), await kept.dequantize());
      mapped.close();
    }),
    { numRuns: 60 },
  );
});

test('codes of RTN, and of GPTQ in activation order, are the same weights as planes', async () => {
  const [rows, cols] = [23, 96];
  const source = sourceOf(rows, cols, 5);
  const samples = Float32Array.from({ length: 300 * cols }, (_, at) => Math.cos(at * 0.37) * (1 + (at % cols) / 10));
  const hessian = new Float32Array(cols * cols);
  for (let i = 0; i < cols; i++)
    for (let j = 0; j < cols; j++)
      for (let n = 0; n < 300; n++) hessian[i * cols + j] = (hessian[i * cols + j] ?? 0) + (samples[n * cols + i] ?? 0) * (samples[n * cols + j] ?? 0);
  const inputs = { factor: (descAct: boolean) => binding.factorHessian(hessian.slice(), cols, { scale: 2, dampPercent: 0.01, descAct }) };
  for (const [method, bits, descAct] of [
    [rtn, 4, false],
    [gptq, 3, false],
    [gptq, 2, true],
  ] as const) {
    const scheme = schemeOf([method.id, 'bcq'], bits, 24, { descAct });
    const affine = await method.quantizeModule(binding, source, scheme, inputs);
    const planes = await asPlanes(method).quantizeModule(binding, source, scheme, inputs);
    const [wanted, got] = [await binding.createWeight(affineWeight(affine)), await binding.createWeight(planes.spec)];
    assert.deepEqual(await got.dequantize(), await wanted.dequantize());
    assert.equal(
      planes.tensors.some(({ suffix }) => suffix === 'g_idx'),
      descAct,
    );
    assert.equal(planes.sqnrDb, affine.sqnrDb);
  }
});

test('scales whose halves the stored type does not have are refused with what to do', async () => {
  const tiny = { type: 'f32', rows: 1, cols: 4, data: new Uint8Array(Float32Array.of(0, 0, 0, 3 * 2 ** -24 * 15).buffer) } as const;
  const scheme = schemeOf(['rtn', 'bcq'], 4, -1);
  await assert.rejects(asPlanes(rtn).quantizeModule(binding, tiny, scheme), /row 0, group 0: .* not exact in f16; use "scale_type": "float32"/);
  await asPlanes(rtn).quantizeModule(binding, tiny, { ...scheme, scaleType: 'f32' });
});

test('what the kind cannot hold is refused with what to do', () => {
  assert.equal(bcqKind.refusal(planOf(8, 100, schemeOf(['bcq'], 1, 33))), null);
  assert.match(bcqKind.refusal(planOf(8, 96, schemeOf(['bcq'], 8, -1))) ?? '', /1 to 4 bits, not 8/);
  assert.match(bcqKind.refusal({ ...planOf(8, 96, schemeOf(['bcq'], 4, -1)), activations: plainActivations }) ?? '', /use "compute_method": "weight_only"/);
});

test('settings and tensors that do not fit the model are refused by name', async () => {
  const matrix = await bcq.quantizeModule(binding, sourceOf(4, 40, 1), schemeOf(['bcq'], 2, 16));
  const mapped = await written(matrix);
  const place = { module: 'linear', rows: 4, cols: 40 };
  const right = { bits: 2, group_size: 16, q_bias: false };
  await bcqKind.read(mapped, place, right);
  await assert.rejects(bcqKind.read(mapped, place, { ...right, bits: 5 }), /linear: binary-coded weights need bits 1 to 4/);
  await assert.rejects(bcqKind.read(mapped, place, { ...right, group_size: 0 }), /group_size of -1 or more than 0/);
  await assert.rejects(bcqKind.read(mapped, place, { ...right, group_size: 8 }), /linear\.alpha has shape \[3, 2, 4\]; \[5, 2, 4\] is needed/);
  await assert.rejects(bcqKind.read(mapped, { ...place, rows: 5 }, right), /says \[4, 40\]; the model's config needs \[5, 40\]/);
  await assert.rejects(bcqKind.read(mapped, place, { ...right, q_bias: true }), /linear\.q_bias/);
  mapped.close();
});
