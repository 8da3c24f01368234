// Static W8A8 against torch's observers and SmoothQuant's calibration: ranges by the observe op over the calibration batches, scales and zero points, weights,
// codes of activations, and the product by our integer kernel.
import assert from 'node:assert/strict';
import type { ModuleScheme } from '@quantwright/engine/methods/method';
import { w8a8Static } from '@quantwright/engine/methods/w8a8_static/method';
import type { ActivationBits } from '@quantwright/native/activations';
import { baseRecipe } from '@quantwright/schemas/recipe/base-recipe';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { goldenBinding } from './binding.ts';
import { type GoldenCase, type GoldenTensor, goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();

/** SmoothQuant's static scales are symmetric, with weights of absmax / 127; torch's are asymmetric, with weights of absmax / 127.5, and 7 bits in a reduced range. */
function schemeOf({ params }: GoldenCase): ModuleScheme & { readonly activations: ActivationRecipe & { readonly bits: ActivationBits } } {
  const symmetric = String(params['activation']).includes('symmetric');
  const bits = params['reduce_range'] === true ? 7 : 8;
  const recipe = baseRecipe('test', 'test', ['w8a8_static'], { bits: 8, groupSize: -1 });
  return {
    recipe,
    weights: recipe.weights,
    activations: { bits, symmetric, granularity: 'per_tensor', dynamic: false, rule: 'affine' },
    dialect: symmetric ? 'inc' : 'compressed_tensors',
    mseSearch: false,
    fullRange: false,
    scaleType: 'f32',
  };
}

runGoldenCases('w8a8_static', async ({ golden, tensors, same }) => {
  const weight = goldenTensor(tensors, 'in.weight');
  const x = goldenTensor(tensors, 'in.x');
  const [rows = 0, cols = 0] = weight.shape;
  const tokens = x.data.length / cols;
  const scheme = schemeOf(golden);
  const { bits, symmetric } = scheme.activations;
  const matrix = await w8a8Static.quantizeModule(binding, { type: 'f32', rows, cols, data: bytes(weight) }, scheme, {
    observed: { kind: 'range', ranges: await observedRanges(goldenTensor(tensors, 'in.calib')) },
    factor: () => assert.fail('no Hessian was observed'),
  });
  assert.ok(matrix.kind === 'affine' && matrix.inputScale !== undefined);
  const { scale, zero } = matrix.inputScale;
  // The reference's symmetric codes are signed.
  const offset = symmetric ? 2 ** (bits - 1) : 0;
  same('x_scale', [scale]);
  same('x_zero', [zero - offset]);
  same('w_scale', matrix.scale);
  same('qw', signed(matrix.codes, matrix.zero));
  const codes = Array.from(x.data, (value) => clampedCode(value, scale, zero, 2 ** bits - 1) - offset);
  same('qx', codes);
  const linear = await binding.createWeight({
    codec: 'w8a8',
    ...{ rows, cols, groupSize: cols, codes: matrix.codes, scale: matrix.scale, zero: matrix.zero, scaleType: 'f32' },
    activations: { kind: 'tensor', bits, scale, zero },
  });
  const bias = goldenTensor(tensors, 'in.bias').data;
  const product = await linear.matmul(Float32Array.from(x.data), tokens);
  same(
    'y',
    product.map((value, at) => value + (bias[at % rows] ?? 0)),
  );
});

/** [batches, 2] of x [batches, tokens, width], each batch a sequence of its own. */
async function observedRanges({ shape, data }: GoldenTensor): Promise<Float32Array> {
  const [batches = 0, tokens = 0, width = 0] = shape;
  const program = binding.createProgram({ input: 'hidden', values: [width], body: [{ op: 'observe', in: 0, kind: 'range', slot: 0 }], head: [], output: 0 });
  for (let batch = 0; batch < batches; batch++) {
    const rows = Float32Array.from(data.subarray(batch * tokens * width, (batch + 1) * tokens * width));
    await program.run(program.createSession(tokens, 'f32'), rows, 'none');
  }
  const rows = program.observed(0) ?? assert.fail('nothing was observed');
  return Float32Array.from({ length: 2 * batches }, (_, at) => {
    const batch = rows.subarray(Math.floor(at / 2) * 2 * tokens, (Math.floor(at / 2) + 1) * 2 * tokens).filter((_edge, index) => index % 2 === at % 2);
    return at % 2 === 0 ? Math.min(...batch) : Math.max(...batch);
  });
}

function clampedCode(value: number, scale: number, zero: number, most: number): number {
  const exact = Math.fround(value * Math.fround(1 / scale));
  const down = Math.floor(exact);
  const rounded = exact - down === 0.5 ? down + (down % 2 === 0 ? 0 : 1) : Math.round(exact);
  return Math.min(most, Math.max(0, rounded + zero));
}

function signed(codes: Int8Array | Uint8Array, zero: Float32Array): number[] {
  const cols = codes.length / zero.length;
  return Array.from(codes, (code, at) => code - (zero[Math.floor(at / cols)] ?? 0));
}

function bytes({ data }: GoldenTensor): Uint8Array {
  return new Uint8Array(Float32Array.from(data).buffer);
}
