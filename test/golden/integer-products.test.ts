// What the integer kernels make of activations, against the references: codes of DashInfer's A8W8, SmoothQuant's and ZeroQuant's fake quantization, static W8A8.
import assert from 'node:assert/strict';
import type { ActivationBits, ActivationSpec } from '@quantwright/native/activations';
import { goldenBinding } from './binding.ts';
import { type GoldenTensor, goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();

/** y of codes times activations that `spec` quantizes; scale 1 and no zeros where they are not given. */
async function product(x: GoldenTensor, codes: Int8Array, spec: ActivationSpec, scale?: Float32Array, bias?: GoldenTensor): Promise<Float32Array> {
  const cols = x.shape.at(-1) ?? 0;
  const rows = codes.length / cols;
  const weight = await binding.createWeight({
    codec: 'w8a8',
    rows,
    cols,
    groupSize: -1,
    codes,
    scale: scale ?? new Float32Array(rows).fill(1),
    zero: new Float32Array(rows),
    scaleType: 'f32',
    activations: spec,
  });
  return weight.matmul(Float32Array.from(x.data), x.data.length / cols, bias === undefined ? undefined : Float32Array.from(bias.data));
}

/** What every value of x becomes: its product with the identity. */
function quantized(x: GoldenTensor, spec: ActivationSpec): Promise<Float32Array> {
  const cols = x.shape.at(-1) ?? 0;
  return product(
    x,
    Int8Array.from({ length: cols * cols }, (_, index) => (index % (cols + 1) === 0 ? 1 : 0)),
    spec,
  );
}

const bitsOf = (value: unknown): ActivationBits => ([2, 3, 4, 5, 6, 7, 8] as const).find((bits) => bits === value) ?? 8;
const steps = (values: Float32Array, scales: ArrayLike<number>, each: number): Int32Array =>
  Int32Array.from(values, (value, index) => Math.round(value / (scales[Math.floor(index / each)] ?? Number.NaN)));

/**
 * The reference adds rint(min / s) * s again in f32, and so rounds every value as its largest ones: the codes of `made`, which
 * must be as near as that, in its arithmetic.
 */
function inF32(made: Float32Array, x: Float32Array, cols: number, bits: number): Float32Array {
  const out = new Float32Array(made.length);
  for (let begin = 0; begin < x.length; begin += cols) {
    const row = x.subarray(begin, begin + cols);
    const least = Math.min(...row);
    const scale = Math.fround(Math.fround(Math.max(...row) - least) / 2 ** bits);
    const offset = Math.round(Math.fround(least / scale));
    const zeroPoint = Math.fround(offset * scale);
    const most = row.reduce((absmax, value) => Math.max(absmax, Math.abs(value)), 0);
    for (let at = begin; at < begin + cols; at++) {
      const value = made[at] ?? Number.NaN;
      const code = Math.round(value / scale) - offset;
      out[at] = Math.fround(code * scale) + zeroPoint;
      assert.ok(code >= 0 && code < 2 ** bits && Math.abs((out[at] ?? 0) - value) <= most * 2 ** -23, `${value} at ${at}`);
    }
  }
  return out;
}

runGoldenCases(
  'dashinfer_iq',
  async ({ tensors, same }) => {
    const x = goldenTensor(tensors, 'in.x');
    const [rows = 0, cols = 0] = x.shape;
    const spec = { kind: 'token', bits: 8, rule: 'dashinfer', symmetric: true } as const;
    const scales = goldenTensor(tensors, 'out.x_scale').data;
    same('qx', steps(await quantized(x, spec), scales, cols));
    const [, n = 0] = goldenTensor(tensors, 'out.acc_int32').shape;
    const qw = goldenTensor(tensors, 'out.qw').data;
    const codes = Int8Array.from({ length: n * cols }, (_, index) => qw[(index % cols) * n + Math.floor(index / cols)] ?? 0);
    const y = await product(x, codes, spec);
    same('acc_int32', steps(y, scales, y.length / rows));
  },
  ({ params }) => (params['mode'] === 'A8W8' ? null : 'without activations'),
);

runGoldenCases('smoothquant', async ({ golden, tensors, near }) => {
  const bits = bitsOf(golden.params['bits']);
  const original = goldenTensor(tensors, 'in.x');
  const scales = goldenTensor(tensors, 'out.scales').data;
  const x = { shape: original.shape, data: original.data.map((value, index) => value / (scales[index % scales.length] ?? 0)) };
  const spec = { kind: 'token', bits, rule: 'smoothquant', symmetric: true } as const;
  near('x_dequant_per_token', 'y', await quantized(x, spec));
  const dequantized = goldenTensor(tensors, 'out.w0_dequant');
  const [rows = 0, cols = 0] = dequantized.shape;
  const smoothed = Float32Array.from(goldenTensor(tensors, 'out.w0_smoothed').data);
  const scale = Float32Array.from({ length: rows }, (_, row) => {
    const absmax = smoothed.subarray(row * cols, (row + 1) * cols).reduce((most, w) => Math.max(most, Math.abs(w)), 0);
    return Math.max(absmax, 1e-5) / (2 ** (bits - 1) - 1);
  });
  const codes = Int8Array.from(dequantized.data, (w, index) => Math.round(w / (scale[Math.floor(index / cols)] ?? 1)));
  near('y0_per_token_per_channel', 'y', await product(x, codes, spec, scale));
  // One scale for all tokens and one for all weights, of the largest of each.
  const half = 2 ** (bits - 1);
  const step = (values: Float32Array): number => Math.fround(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / (half - 1));
  const wide = step(smoothed);
  const whole = Int8Array.from(smoothed, (w) => Math.round(w / wide));
  const fixed = { kind: 'tensor', bits, scale: step(Float32Array.from(x.data)), zero: half } as const;
  near('y0_per_tensor_static', 'y', await product(x, whole, fixed, new Float32Array(rows).fill(wide)));
});

runGoldenCases(
  'zeroquant',
  async ({ golden, tensors, same }) => {
    const symmetric = golden.params['kind'] === 'Sym';
    const bits = bitsOf(golden.params['bits']);
    const x = goldenTensor(tensors, 'in.x');
    const made = await quantized(x, { kind: 'token', bits, rule: 'zeroquant', symmetric });
    same('dequant', symmetric ? made : inF32(made, Float32Array.from(x.data), x.shape.at(-1) ?? 0, bits));
  },
  ({ case: name }) => (name.startsWith('zq_a_') ? null : 'no activations of one row'),
);

runGoldenCases('w8a8_static', async ({ tensors, same }) => {
  const x = goldenTensor(tensors, 'in.x');
  const scale = goldenTensor(tensors, 'out.x_scale').data[0] ?? 0;
  const signed = goldenTensor(tensors, 'out.qx').data.some((code) => code < 0);
  const stored = goldenTensor(tensors, 'out.x_zero').data[0] ?? 0;
  const spec = { kind: 'tensor', bits: 8, scale, zero: stored + (signed ? 128 : 0) } as const;
  same(
    'qx',
    Int32Array.from(await quantized(x, spec), (value) => Math.round(value / scale) + stored),
  );
  const codes = Int8Array.from(goldenTensor(tensors, 'out.qw').data);
  same('y', await product(x, codes, spec, Float32Array.from(goldenTensor(tensors, 'out.w_scale').data), tensors.get('in.bias')));
});
