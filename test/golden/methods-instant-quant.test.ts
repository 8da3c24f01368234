// DashInfer InstantQuant against its own Python code: codes exact, scales and zeros as stored, dequantized values, and the A8W8 product.
// And DashInfer's CPU operator (dialect dashinfer_cpu of rtn), which rounds by another formula.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dequantize } from '@quantwright/engine/commands/tensor';
import { instantQuant } from '@quantwright/engine/methods/instant_quant/method';
import type { AffineMatrix, ModuleScheme, ScaleType } from '@quantwright/engine/methods/method';
import { rtn } from '@quantwright/engine/methods/rtn/method';
import { goldenBinding } from './binding.ts';
import { type GoldenTensor, goldenTensor, transposed } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();
const scaleTypes: Readonly<Record<string, ScaleType>> = { float16: 'f16', bfloat16: 'bf16', float32: 'f32' };

function schemeOf(bits: number, signed: boolean, groupSize: number, scaleType: ScaleType): ModuleScheme {
  return {
    weights: { dtype: 'int', bits, signed, symmetric: false, groupSize, zeroPoint: 'float', descAct: false, staticGroups: false },
    dialect: 'instant_quant',
    mseSearch: false,
    fullRange: false,
    scaleType,
  };
}

async function quantize(weightKn: Float32Array, k: number, n: number, scheme: ModuleScheme): Promise<AffineMatrix> {
  const data = new Uint8Array(transposed(weightKn, k, n).buffer);
  return instantQuant.quantizeModule(binding, { type: 'f32', rows: n, cols: k, data }, scheme);
}

/** Ours is [out, in] and [out, groups]; the reference has [in, out] and [groups, out]. */
const turned = (values: Float32Array | Int32Array | Int8Array | Uint8Array, rows: number, cols: number): Float32Array =>
  transposed(Float32Array.from(values), rows, cols);

runGoldenCases('dashinfer_iq', async ({ golden, tensors, same }) => {
  if (golden.case.startsWith('iq_cpu_')) return cpuOperator(goldenTensor(tensors, 'in.x'), golden.params['granularity'] === 'per tensor', tensors, same);
  const weight = goldenTensor(tensors, 'in.weight_kn');
  const [k = 0, n = 0] = weight.shape;
  if (golden.params['mode'] === 'A8W8') {
    const matrix = await quantize(Float32Array.from(weight.data), k, n, schemeOf(8, true, -1, 'f32'));
    same('qw', turned(matrix.codes, n, k));
    const packed = await binding.createWeight({
      codec: 'w8a8',
      rows: n,
      cols: k,
      groupSize: -1,
      codes: matrix.codes,
      scale: matrix.scale,
      zero: matrix.zero,
      scaleType: 'f32',
    });
    const x = goldenTensor(tensors, 'in.x');
    const bias = tensors.get('in.bias');
    same('y', await packed.matmul(Float32Array.from(x.data), x.shape[0] ?? 0, bias === undefined ? undefined : Float32Array.from(bias.data)));
    return;
  }
  const { weight_format: format, group_size: group, ftype } = golden.params;
  const bits = format === 'uint4' ? 4 : 8;
  const matrix = await quantize(Float32Array.from(weight.data), k, n, schemeOf(bits, format === 'int8', Number(group), scaleTypes[String(ftype)] ?? 'f32'));
  same('codes', turned(matrix.codes, n, k));
  same('scale', turned(matrix.scale, n, matrix.groups));
  same('zero', turned(matrix.zero, n, matrix.groups));
  same('dequant_kn', turned(dequantize(matrix), n, k));
  same('qdata', format === 'uint4' ? packedPairs(turned(matrix.codes, n, k), k, n) : turned(matrix.codes, n, k));
});

/** The reference quantizes the columns of x [rows, cols] to int8, or with the other formula the whole of it, as one group, to uint8. */
async function cpuOperator(
  x: GoldenTensor,
  whole: boolean,
  tensors: ReadonlyMap<string, GoldenTensor>,
  same: (name: string, actual: ArrayLike<number>) => void,
): Promise<void> {
  const [k = 0, n = 0] = x.shape;
  const values = Float32Array.from(x.data);
  const [rows, cols, lying] = whole ? [1, k * n, values] : [n, k, transposed(values, k, n)];
  const scheme: ModuleScheme = { ...schemeOf(8, !whole, -1, 'f32'), dialect: 'dashinfer_cpu' };
  const matrix = await rtn.quantizeModule(binding, { type: 'f32', rows, cols, data: new Uint8Array(lying.buffer) }, scheme);
  same('q', whole ? matrix.codes : turned(matrix.codes, n, k));
  same('scale', matrix.scale);
  same('zero', matrix.zero);
  if (tensors.has('out.dequant')) same('dequant', dequantize(matrix));
}

/** DashInfer's own packing of uint4: byte j of a row holds outputs 2j (low nibble) and 2j+1. */
function packedPairs(codes: Float32Array, k: number, n: number): Float32Array {
  const width = Math.ceil(n / 2);
  return Float32Array.from({ length: k * width }, (_, index) => {
    const row = Math.floor(index / width) * n;
    const column = 2 * (index % width);
    return (codes[row + column] ?? 0) + 16 * (column + 1 < n ? (codes[row + column + 1] ?? 0) : 0);
  });
}

test('a row length that no group divides gets a shorter last group, rounded on its own', async () => {
  const k = 70;
  const weight = Float32Array.from({ length: k }, (_, index) => Math.fround(Math.sin(index)));
  const whole = await quantize(weight, k, 1, schemeOf(4, false, 32, 'f32'));
  const tail = await quantize(weight.slice(64), k - 64, 1, schemeOf(4, false, -1, 'f32'));
  assert.equal(whole.groups, 3);
  assert.deepEqual([...whole.codes.slice(64)], [...tail.codes]);
  assert.deepEqual([whole.scale[2], whole.zero[2]], [tail.scale[0], tail.zero[0]]);
});

test('every sub-channel size of the config reaches the native quantizer', async () => {
  const k = 96;
  const weight = Float32Array.from({ length: 2 * k }, (_, index) => Math.fround(Math.cos(3 * index)));
  for (const group of [-1, 32, 64, 128, 256, 512]) {
    const matrix = await instantQuant.quantizeModule(
      binding,
      { type: 'f32', rows: 2, cols: k, data: new Uint8Array(weight.buffer) },
      schemeOf(8, true, group, 'f32'),
    );
    assert.equal(matrix.groups, group === -1 ? 1 : Math.ceil(k / group), `group_size ${group}`);
    assert.ok(matrix.sqnrDb > 35, `group_size ${group}: ${matrix.sqnrDb} dB`);
  }
});
