// Binary-coding quantization against the reference: alphas, signs, restored weights and mean squared error of greedy, refined and alternating solutions, and affine
// codes as planes. The table look-up kernel multiplies each result as the reference did.
import assert from 'node:assert/strict';
import type { BcqOptions, BcqWeightSpec } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { type GoldenTensor, goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();
const bytes = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

runGoldenCases('bcq', async ({ golden, tensors, same }) => {
  const weight = goldenTensor(tensors, 'in.weight');
  const [rows = 0, cols = 0] = weight.shape;
  const bits = Number(golden.params['bits']) as BcqOptions['bits'];
  const groupSize = Number(golden.params['group_size']);
  const shape = { rows, cols, bits, groupSize: groupSize === -1 ? cols : groupSize };
  const codes = tensors.get('in.codes');
  if (codes !== undefined) {
    const affine = { codes: Uint8Array.from(codes.data), scale: floats(goldenTensor(tensors, 'in.scale')), zero: floats(goldenTensor(tensors, 'in.zero')) };
    const { planes, alpha, qBias } = await binding.convertToBcq({ ...shape, ...affine });
    same('alpha', byRow(alpha, rows));
    same('offset', byRow(qBias, rows));
    same('binary', signs(planes, shape));
    same('dequant', await (await binding.createWeight({ ...specOf(shape, planes, alpha), qBias: { type: 'f32', data: bytes(qBias) } })).dequantize());
    return;
  }
  const source = { type: 'f32', rows, cols, data: bytes(floats(weight)) } as const;
  const result = await binding.quantizeBcq(source, { bits, groupSize, rounds: Number(golden.params['rounds']), alphaType: 'f32' });
  const binary = signs(result.planes, shape);
  same('alpha', byRow(result.alpha, rows));
  same('binary', binary);
  same('mse', [result.mse]);
  // Closer than the tolerances: the reference in 64 bits has the same signs.
  assert.deepEqual(binary, Int32Array.from(goldenTensor(tensors, 'out.binary').data), 'every sign');
  const mse = goldenTensor(tensors, 'out.mse').data[0] ?? Number.NaN;
  assert.ok(Math.abs(result.mse - mse) < 2e-7 * mse, `mse ${result.mse} beside ${mse}`);
  const packed = await binding.createWeight(specOf(shape, result.planes, result.alpha));
  same('dequant', await packed.dequantize());
  const x = goldenTensor(tensors, 'in.x');
  const y = await packed.matmul(floats(x), x.shape[0] ?? 0);
  const wanted = floats(goldenTensor(tensors, 'out.y'));
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert.ok(
    y.every((value, at) => Math.abs(value - (wanted[at] ?? Number.NaN)) < 2e-5 * largest),
    'products by table look-up',
  );
});

interface Shape {
  readonly rows: number;
  readonly cols: number;
  readonly bits: BcqOptions['bits'];
  readonly groupSize: number;
}

function specOf(shape: Shape, planes: Uint8Array, alpha: Float32Array): BcqWeightSpec {
  return { codec: 'bcq', ...shape, planes, alpha: { type: 'f32', data: bytes(alpha) } };
}

function floats({ data }: GoldenTensor): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/** [..., rows] -> [rows, ...] */
function byRow(values: Float32Array, rows: number): Float32Array {
  const each = values.length / rows;
  return Float32Array.from(values, (_, at) => values[(at % each) * rows + Math.floor(at / each)] ?? Number.NaN);
}

/** [rows, cols, bits] of -1 and +1. */
function signs(planes: Uint8Array, { rows, cols, bits }: Shape): Int32Array {
  const out = new Int32Array(rows * cols * bits);
  for (let at = 0; at < out.length; at++) {
    const bit = at % bits;
    const column = Math.floor(at / bits) % cols;
    const row = Math.floor(at / bits / cols);
    const word = (Math.floor(column / 32) * bits + bit) * rows + row;
    const byte = planes[4 * word + Math.floor((column % 32) / 8)] ?? 0;
    out[at] = (byte >> (column % 8)) & 1 ? 1 : -1;
  }
  return out;
}
