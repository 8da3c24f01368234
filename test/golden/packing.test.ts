// The save formats against the packers of AutoGPTQ and compressed-tensors, through the same layouts that `quantize` writes with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dequantize } from '@quantwright/engine/commands/tensor';
import type { AffineMatrix, ModuleScheme } from '@quantwright/engine/methods/method';
import { rtn } from '@quantwright/engine/methods/rtn/method';
import { awqLayout } from '@quantwright/engine/pipeline/layouts/awq';
import { compressedTensorsLayout } from '@quantwright/engine/pipeline/layouts/compressed-tensors';
import { gptqLayout, gptqV2Layout } from '@quantwright/engine/pipeline/layouts/gptq';
import type { ModulePlan } from '@quantwright/engine/pipeline/layouts/layout';
import { goldenBinding } from './binding.ts';
import { type GoldenCase, type GoldenTensor, goldenTensor, transposed } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();
const words = (bytes: Uint8Array | undefined): Int32Array => new Int32Array((bytes ?? new Uint8Array()).slice().buffer);

function planOf(rows: number, cols: number, { params }: GoldenCase, symmetric: boolean, dialect: ModuleScheme['dialect']): ModulePlan {
  const weights = {
    dtype: 'int' as const,
    bits: Number(params['bits']),
    signed: false,
    symmetric,
    groupSize: Number(params['group_size']),
    zeroPoint: 'integer' as const,
    descAct: false,
    staticGroups: false,
  };
  return {
    module: 'm',
    block: 0,
    rows,
    cols,
    activations: null,
    scheme: { weights, dialect, mseSearch: false, fullRange: false, scaleType: dialect === 'ist' ? 'f16' : 'f32' },
  };
}

function gptqMatrix(golden: GoldenCase, tensors: ReadonlyMap<string, GoldenTensor>): AffineMatrix {
  const codes = goldenTensor(tensors, 'in.codes');
  const scale = goldenTensor(tensors, 'in.scale');
  const [rows = 0, cols = 0] = codes.shape;
  const groups = scale.shape[1] ?? 0;
  return {
    kind: 'affine',
    rows,
    cols,
    groups,
    bits: Number(golden.params['bits']) as 3 | 4 | 8,
    groupSize: Math.ceil(cols / groups),
    codes: Uint8Array.from(codes.data),
    scale: Float32Array.from(scale.data),
    zero: Float32Array.from(goldenTensor(tensors, 'in.zero').data),
    gIdx: Int32Array.from(goldenTensor(tensors, 'in.g_idx').data),
    symmetric: golden.params['sym'] === true,
    scaleType: 'f16',
    sqnrDb: 0,
    mse: 0,
    notFinite: null,
  };
}

runGoldenCases('gptq_pack', async ({ golden, tensors, same }) => {
  const matrix = gptqMatrix(golden, tensors);
  const { rows, cols, groups, bits } = matrix;
  const plan = planOf(rows, cols, golden, matrix.symmetric, 'ist');
  const [qweight, qzeros, scales, gIdx] = await gptqLayout.pack(binding, plan, matrix);
  same('qweight', words(qweight));
  same('qzeros', words(qzeros));
  const stored = await binding.widen({ type: 'f16', rows: groups, cols: rows, data: scales ?? new Uint8Array() });
  same('scales_fp16', stored);
  assert.deepEqual([...words(gIdx)], [...goldenTensor(tensors, 'out.g_idx').data]);
  const unpacked = await binding.unpackGptq(qweight ?? new Uint8Array(), rows, cols, bits);
  assert.deepEqual([...transposed(Int32Array.from(unpacked), rows, cols)], [...goldenTensor(tensors, 'out.unpacked_codes').data]);
  same('dequant_v1', dequantize({ ...matrix, codes: unpacked, scale: transposed(stored, groups, rows) }));
});

runGoldenCases('awq_pack', async ({ golden, tensors, same }) => {
  const codes = goldenTensor(tensors, 'out.codes_in_out');
  const zeros = goldenTensor(tensors, 'out.zeros_groups_out');
  const [cols = 0, rows = 0] = codes.shape;
  const [groups = 0] = zeros.shape;
  const matrix: AffineMatrix = {
    kind: 'affine',
    rows,
    cols,
    groups,
    bits: 4,
    groupSize: cols / groups,
    codes: Uint8Array.from(transposed(Int32Array.from(codes.data), cols, rows)),
    scale: Float32Array.from(goldenTensor(tensors, 'in.scales_fp16').data),
    zero: Float32Array.from(goldenTensor(tensors, 'in.zeros').data),
    symmetric: false,
    scaleType: 'f16',
    sqnrDb: 0,
    mse: 0,
    notFinite: null,
  };
  const plan = planOf(rows, cols, golden, false, 'awq');
  assert.equal(awqLayout.refusal(plan), null);
  const [qweight, qzeros, scales] = await awqLayout.pack(binding, plan, matrix);
  same('qweight', words(qweight));
  same('qzeros', words(qzeros));
  const stored = await binding.widen({ type: 'f16', rows: groups, cols: rows, data: scales ?? new Uint8Array() });
  assert.deepEqual(stored, Float32Array.from(goldenTensor(tensors, 'out.scales').data));
  // The reference multiplies in float16.
  same('dequant_in_out', transposed(dequantize({ ...matrix, scale: transposed(stored, groups, rows) }), rows, cols));
});

runGoldenCases('compressed_tensors', async ({ golden, tensors, same }) => {
  const weight = goldenTensor(tensors, 'in.weight');
  const [rows = 0, cols = 0] = weight.shape;
  const plan = planOf(rows, cols, golden, golden.params['symmetric'] === true, 'compressed_tensors');
  const matrix = await rtn.quantizeModule(binding, { type: 'f32', rows, cols, data: new Uint8Array(Float32Array.from(weight.data).buffer) }, plan.scheme);
  same('codes', matrix.codes);
  same('scale', matrix.scale);
  same('zero_point', matrix.zero);
  const [packed, , shape, zeros] = await compressedTensorsLayout.pack(binding, plan, matrix);
  same('weight_packed_dense', words(packed));
  if (tensors.has('out.zero_point_packed_dense')) same('zero_point_packed_dense', words(zeros));
  assert.deepEqual([...new BigInt64Array((shape ?? new Uint8Array()).slice().buffer)].map(Number), [rows, cols]);
});

test('v1 stores zero - 1 within its field, v2 stores zero', async () => {
  const [rows, cols] = [32, 32];
  const matrix: AffineMatrix = {
    kind: 'affine',
    rows,
    cols,
    bits: 4,
    groupSize: cols,
    groups: 1,
    codes: new Uint8Array(rows * cols),
    scale: new Float32Array(rows).fill(1),
    zero: Float32Array.from({ length: rows }, (_, row) => row % 16),
    symmetric: false,
    scaleType: 'f16',
    sqnrDb: 0,
    mse: 0,
    notFinite: null,
  };
  const plan = {
    module: 'm',
    block: 0,
    rows,
    cols,
    activations: null,
    scheme: {
      weights: {
        dtype: 'int' as const,
        bits: 4,
        signed: false,
        symmetric: false,
        groupSize: -1,
        zeroPoint: 'integer' as const,
        descAct: false,
        staticGroups: false,
      },
      dialect: 'ist' as const,
      mseSearch: false,
      fullRange: false,
      scaleType: 'f16' as const,
    },
  };
  const fields = async (layout: typeof gptqLayout): Promise<readonly number[]> => [
    ...(await binding.unpackRows((await layout.pack(binding, plan, matrix))[1] ?? new Uint8Array(), 1, rows, 4)),
  ];
  assert.deepEqual((await fields(gptqV2Layout)).slice(0, 4), [0, 1, 2, 3]);
  // Zero 0 wraps to 15 and leaves its neighbours alone.
  assert.deepEqual((await fields(gptqLayout)).slice(0, 4), [15, 0, 1, 2]);
});
