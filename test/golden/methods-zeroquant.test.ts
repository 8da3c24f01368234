// ZeroQuant against DeepSpeed's quantizers: weights in equal parts of the flat matrix, as the kernels hold them, and activations as the integer kernels round them.
import assert from 'node:assert/strict';
import { affineWeight } from '@quantwright/engine/methods/affine';
import type { ModuleScheme } from '@quantwright/engine/methods/method';
import { zeroquant } from '@quantwright/engine/methods/zeroquant/method';
import { zeroquantScheme } from '@quantwright/engine/methods/zeroquant/testing/reference';
import type { ActivationBits } from '@quantwright/native/activations';
import type { DenseSource } from '@quantwright/native/binding';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { goldenBinding } from './binding.ts';
import { type GoldenCase, goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();
const tokens: ActivationRecipe = { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true, rule: 'zeroquant' };

runGoldenCases(
  'zeroquant',
  async ({ golden, tensors, same }) => {
    if (tensors.has('in.x')) {
      const { shape, data } = goldenTensor(tensors, 'in.x');
      const x = Float32Array.from(data);
      const width = shape.at(-1) ?? 0;
      const rounded = await roundedActivations(golden, x, width);
      same('dequant', golden.params['kind'] === 'Sym' ? rounded : inSingles(x, rounded, width, Number(golden.params['bits'])));
      return;
    }
    const weight = goldenTensor(tensors, 'in.weight');
    const [rows = 0, cols = 0] = weight.shape;
    const source: DenseSource = { type: 'f32', rows, cols, data: new Uint8Array(Float32Array.from(weight.data).buffer) };
    // Signs are planes beside float activations and codes of two bits beside integer ones.
    const besides = Number(golden.params['bits']) === 1 ? [null, tokens] : [null];
    for (const activations of besides) same('dequant', await restored(golden, source, activations));
  },
  ({ case: name }) => (name.startsWith('zq_lkd') ? 'distillation, not a quantizer: methods-lkd' : null),
);

async function restored(golden: GoldenCase, source: DenseSource, activations: ActivationRecipe | null): Promise<Float32Array> {
  const scheme = zeroquant.fit?.(schemeOf(golden), { rows: source.rows, cols: source.cols, activations });
  assert.ok(typeof scheme === 'object', String(scheme));
  const matrix = await zeroquant.quantizeModule(binding, source, scheme);
  const packed = await binding.createWeight(matrix.kind === 'affine' ? affineWeight(matrix) : matrix.spec);
  return packed.dequantize();
}

function schemeOf({ params }: GoldenCase): ModuleScheme {
  return zeroquantScheme(Number(params['bits']), params['kind'] !== 'Asym', Number(params['num_groups']));
}

/** What the kernel makes of x [tokens, width] before it multiplies: its product with the unit matrix. */
async function roundedActivations({ params }: GoldenCase, x: Float32Array, width: number): Promise<Float32Array> {
  const ones = new Float32Array(width).fill(1);
  const unit = await binding.createWeight({
    codec: 'w8a8',
    rows: width,
    cols: width,
    groupSize: -1,
    codes: Int8Array.from({ length: width * width }, (_, at) => (at % (width + 1) === 0 ? 1 : 0)),
    scale: ones,
    zero: new Float32Array(width),
    scaleType: 'f32',
    activations: { kind: 'token', bits: Number(params['bits']) as ActivationBits, rule: 'zeroquant', symmetric: params['kind'] === 'Sym' },
  });
  return unit.matmul(x, x.length / width);
}

/**
 * The reference adds code * scale and zero point * scale in 32 bits, which loses digits where both are large and the sum is not; our products are of the exact
 * difference of codes. The same sum of the kernel's codes.
 */
function inSingles(x: Float32Array, rounded: Float32Array, width: number, bits: number): Float32Array {
  const f = Math.fround;
  return rounded.map((value, at) => {
    const row = x.subarray(at - (at % width), at - (at % width) + width);
    const [least, most] = [Math.min(...row), Math.max(...row)];
    const scale = f(f(most - least) / 2 ** bits);
    const zero = -Math.round(least / scale);
    const code = Math.round(value / scale) + zero;
    assert.ok(Math.abs(value - (code - zero) * scale) <= 1e-6 * Math.abs(value) && code >= 0 && code < 2 ** bits, `value ${at} is no code`);
    return f(code * scale) - f(zero * scale);
  });
}
