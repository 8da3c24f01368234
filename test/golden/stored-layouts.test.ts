// Stored layouts: weights that reference packers wrote mean the same here, and what our writers store our readers give back exactly.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { plainActivations } from '@quantwright/engine/checkpoint/activations';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { type MappedCheckpoint, mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import { parseQuantization } from '@quantwright/engine/checkpoint/quantized/config';
import { readLinear } from '@quantwright/engine/checkpoint/quantized/linear';
import { createSafetensors, type TensorPlan } from '@quantwright/engine/checkpoint/writer';
import type { AffineMatrix } from '@quantwright/engine/methods/method';
import { awqLayout } from '@quantwright/engine/pipeline/layouts/awq';
import { compressedTensorsLayout } from '@quantwright/engine/pipeline/layouts/compressed-tensors';
import { gptqLayout, gptqV2Layout } from '@quantwright/engine/pipeline/layouts/gptq';
import type { ModulePlan } from '@quantwright/engine/pipeline/layouts/layout';
import { quantwrightLayout } from '@quantwright/engine/pipeline/layouts/quantwright';
import type { NativeBinding } from '@quantwright/native/binding';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { goldenBinding } from './binding.ts';
import { goldenCases, goldenTensor, goldenTensors, transposed } from './cases.ts';
import { compareWith } from './tolerance.ts';

const binding: NativeBinding = await goldenBinding();
const module = 'model.layers.0.self_attn.q_proj';

async function stored(t: TestContext, tensors: readonly (TensorPlan & { readonly data: ArrayBufferView })[]): Promise<MappedCheckpoint> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-layout-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'model.safetensors');
  const writer = await createSafetensors(file, tensors);
  for (const tensor of tensors) await writer.write(tensor.name, tensor.data);
  await writer.finish();
  return mapCheckpoint(await openCheckpoint(file), binding);
}

for (const golden of goldenCases('awq_pack').cases) {
  test(`${golden.case}: the reader gives the weights that AutoAWQ packed`, async (t) => {
    const tensors = goldenTensors(golden);
    const names = [
      ['qweight', 'out.qweight', 'I32'],
      ['qzeros', 'out.qzeros', 'I32'],
      ['scales', 'out.scales', 'F32'],
    ] as const;
    const mapped = await stored(
      t,
      names.map(([name, from, dtype]) => ({
        name: `${module}.${name}`,
        dtype,
        shape: goldenTensor(tensors, from).shape,
        data: goldenTensor(tensors, from).data,
      })),
    );
    const expected = goldenTensor(tensors, 'out.dequant_in_out');
    const [cols = 0, rows = 0] = expected.shape;
    const config = parseQuantization({ quant_method: 'awq', bits: 4, group_size: golden.params['group_size'], version: 'gemm' }, 'config.json');
    const { spec } = await readLinear(mapped, { module, rows, cols }, config, binding);
    const weights = await (await binding.createWeight(spec)).dequantize();
    // The reference multiplies in float16.
    const result = compareWith({ rule: 'allclose', rtol: 1e-3, atol: 1e-6 }, weights, transposed(expected.data, cols, rows));
    assert.ok(result.ok, result.detail);
  });
}

for (const golden of goldenCases('gptq_pack').cases) {
  test(`${golden.case}: the reader gives the weights that the reference unpacks`, async (t) => {
    const tensors = goldenTensors(golden);
    const names = [
      ['qweight', 'out.qweight', 'I32'],
      ['qzeros', 'out.qzeros', 'I32'],
      ['scales', 'out.scales_fp16', 'F32'],
      ['g_idx', 'out.g_idx', 'I32'],
    ] as const;
    const mapped = await stored(
      t,
      names.map(([name, from, dtype]) => ({
        name: `${module}.${name}`,
        dtype,
        shape: goldenTensor(tensors, from).shape,
        data: goldenTensor(tensors, from).data,
      })),
    );
    const expected = goldenTensor(tensors, 'out.dequant_v1');
    const [rows = 0, cols = 0] = expected.shape;
    const config = parseQuantization({ quant_method: 'gptq', bits: golden.params['bits'], group_size: golden.params['group_size'] }, 'config.json');
    const { spec } = await readLinear(mapped, { module, rows, cols }, config, binding);
    const weights = await (await binding.createWeight(spec)).dequantize();
    const result = compareWith({ rule: 'allclose', rtol: 1e-5, atol: 1e-7 }, weights, expected.data);
    assert.ok(result.ok, result.detail);
  });
}

// Both packings of compressed-tensors; they differ where 32 is no multiple of the width.
for (const [golden, packing] of goldenCases('compressed_tensors').cases.flatMap((one) => [[one, 'dense'] as const, [one, 'padded_old'] as const])) {
  test(`${golden.case}, ${packing}: the reader gives the weights that the reference unpacks`, async (t) => {
    const tensors = goldenTensors(golden);
    const shape = goldenTensor(tensors, 'out.weight_shape').data;
    const plan: (TensorPlan & { data: ArrayBufferView })[] = [
      ['weight_packed', `out.weight_packed_${packing}`, 'I32'],
      ['weight_scale', 'out.scale', 'F32'],
      ['weight_zero_point', 'out.zero_point_packed_dense', 'I32'],
    ].flatMap(([name, from, dtype]) => {
      const tensor = tensors.get(from ?? '');
      return tensor === undefined || (dtype !== 'I32' && dtype !== 'F32') ? [] : [{ name: `${module}.${name}`, dtype, shape: tensor.shape, data: tensor.data }];
    });
    const mapped = await stored(t, [...plan, { name: `${module}.weight_shape`, dtype: 'I64', shape: [2], data: BigInt64Array.from(shape, BigInt) }]);
    const [rows = 0, cols = 0] = shape;
    const config = parseQuantization(
      {
        quant_method: 'compressed-tensors',
        config_groups: { g: { targets: ['Linear'], weights: { num_bits: golden.params['bits'], group_size: golden.params['group_size'] } } },
      },
      'config.json',
    );
    const { spec } = await readLinear(mapped, { module, rows, cols }, config, binding);
    assert.equal(spec.codec, `q${golden.params['bits']}`);
    const weights = await (await binding.createWeight(spec)).dequantize();
    const result = compareWith({ rule: 'allclose', rtol: 1e-5, atol: 1e-7 }, weights, goldenTensor(tensors, 'out.dequant').data);
    assert.ok(result.ok, result.detail);
  });
}

const layouts = {
  quantwright: quantwrightLayout,
  gptq: gptqLayout,
  gptq_v2: gptqV2Layout,
  awq: awqLayout,
  'compressed-tensors': compressedTensorsLayout,
} as const;

interface Shape {
  readonly format: keyof typeof layouts;
  readonly rows: number;
  readonly cols: number;
  readonly bits: 2 | 3 | 4 | 8;
  readonly groupSize: number;
  readonly signed: boolean;
  readonly symmetric: boolean;
  readonly fractional: boolean;
  readonly activations: ActivationRecipe | null;
}

const shapes: readonly Shape[] = [
  ...([2, 3, 4, 8] as const).map((bits) => ({
    format: 'quantwright' as const,
    rows: 5,
    cols: 63,
    bits,
    groupSize: 16,
    signed: false,
    symmetric: false,
    fractional: true,
    activations: null,
  })),
  { format: 'quantwright', rows: 32, cols: 64, bits: 8, groupSize: -1, signed: true, symmetric: false, fractional: true, activations: null },
  { format: 'quantwright', rows: 3, cols: 20, bits: 4, groupSize: 128, signed: true, symmetric: false, fractional: true, activations: null },
  { format: 'quantwright', rows: 7, cols: 65, bits: 8, groupSize: -1, signed: true, symmetric: false, fractional: true, activations: plainActivations },
  ...(['gptq', 'gptq_v2'] as const).flatMap((format) =>
    ([2, 3, 4, 8] as const).map((bits) => ({
      format,
      rows: 32,
      cols: 96,
      bits,
      groupSize: 32,
      signed: false,
      symmetric: false,
      fractional: false,
      activations: null,
    })),
  ),
  ...[32, -1].map((groupSize) => ({
    format: 'awq' as const,
    rows: 64,
    cols: 96,
    bits: 4 as const,
    groupSize,
    signed: false,
    symmetric: false,
    fractional: false,
    activations: null,
  })),
  ...([2, 4, 8] as const).flatMap((bits) =>
    [true, false].map((symmetric) => ({
      format: 'compressed-tensors' as const,
      rows: 24,
      cols: 64,
      bits,
      groupSize: 32,
      signed: true,
      symmetric,
      fractional: false,
      activations: null,
    })),
  ),
  ...[true, false].map((symmetric) => ({
    format: 'compressed-tensors' as const,
    rows: 9,
    cols: 40,
    bits: 8 as const,
    groupSize: -1,
    signed: true,
    symmetric,
    fractional: false,
    activations: plainActivations,
  })),
];

for (const shape of shapes) {
  const { format, rows, cols, bits, groupSize } = shape;
  const name = `${format}, ${bits} bits, groups of ${groupSize}, ${rows} x ${cols}${shape.symmetric ? ', symmetric' : ''}${shape.activations ? ', integer activations' : ''}`;
  test(`what the writer stores the reader gives back: ${name}`, async (t) => {
    const matrix = sampleMatrix(shape);
    const plan = modulePlan(shape);
    const layout = layouts[format];
    assert.equal(layout.refusal(plan), null);
    const data = await layout.pack(binding, plan, matrix);
    const mapped = await stored(
      t,
      layout
        .tensors(plan)
        .map((tensor, index) => ({ name: `${module}.${tensor.suffix}`, dtype: tensor.dtype, shape: tensor.shape, data: data[index] ?? assert.fail() })),
    );
    const recipe = {
      methods: ['rtn'],
      weights: plan.scheme.weights,
    } as unknown as Parameters<typeof layout.config>[0];
    const { spec } = await readLinear(mapped, { module, rows, cols }, parseQuantization({ ...layout.config(recipe, [plan], []) }, 'config.json'), binding);
    assert.ok(spec.codec !== 'dense');
    assert.equal(spec.codec, layout.codec(plan));
    // Readers may shift codes and zeros together; the weights must be the same to the last bit.
    assert.deepEqual(await (await binding.createWeight(spec)).dequantize(), weightsOf(matrix));
  });
}

function modulePlan({ rows, cols, bits, groupSize, signed, symmetric, fractional, activations, format }: Shape): ModulePlan {
  return {
    module,
    block: 0,
    rows,
    cols,
    activations,
    scheme: {
      weights: { dtype: 'int', bits, signed, symmetric, groupSize, zeroPoint: fractional ? 'float' : 'integer', descAct: false, staticGroups: false },
      dialect: format === 'quantwright' ? 'instant_quant' : format === 'compressed-tensors' ? 'compressed_tensors' : 'ist',
      mseSearch: false,
      fullRange: false,
      scaleType: activations ? 'f32' : 'f16',
    },
  };
}

/** Every code, zeros at both ends of their range, scales exact in f16. */
function sampleMatrix({ rows, cols, bits, groupSize, signed, symmetric, fractional, activations }: Shape): AffineMatrix {
  const size = groupSize === -1 ? cols : Math.min(groupSize, cols);
  const groups = Math.ceil(cols / size);
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const range = 2 ** bits;
  const codes = new (signed ? Int8Array : Uint8Array)(rows * cols).map((_, index) => low + ((index * 7 + (index >> 5)) % range));
  const scale = Float32Array.from({ length: rows * groups }, (_, index) => (1 + (index % 13)) / 64);
  const zero = Float32Array.from({ length: rows * groups }, (_, index) => (symmetric ? low + range / 2 : low + (index % range) + (fractional ? 0.25 : 0)));
  return {
    kind: 'affine',
    rows,
    cols,
    bits,
    groupSize: size,
    groups,
    codes,
    scale,
    zero,
    symmetric,
    scaleType: activations ? 'f32' : 'f16',
    sqnrDb: 0,
    mse: 0,
    notFinite: null,
  };
}

function weightsOf({ rows, cols, groupSize, groups, codes, scale, zero }: AffineMatrix): Float32Array {
  return Float32Array.from({ length: rows * cols }, (_, index) => {
    const at = Math.floor(index / cols) * groups + Math.floor((index % cols) / groupSize);
    return ((codes[index] ?? Number.NaN) - (zero[at] ?? Number.NaN)) * (scale[at] ?? Number.NaN);
  });
}
