// fp8 weights: every byte means its value, every arrangement of scales is applied as its config says, and what does not fit is refused by name.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { loadBinding } from '../../jobs/binding.ts';
import { parseQuantization, type StoredQuantization } from './config.ts';
import { readLinear } from './linear.ts';
import { type Fp8, fp8Value } from './testing/fp8.ts';
import { mapTensors, type TestTensor } from './testing/stored-tensors.ts';

const binding = await loadBinding();
const file = 'config.json';
const blocks = parseQuantization({ quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [4, 8] }, file);
const perTensor = parseQuantization({ quant_method: 'fp8', activation_scheme: 'static' }, file);
const fbgemm = parseQuantization({ quant_method: 'fbgemm_fp8', activation_scale_ub: 1200 }, file);
const compressed = (weights: object): StoredQuantization =>
  parseQuantization(
    {
      quant_method: 'compressed-tensors',
      format: 'float-quantized',
      config_groups: {
        g: { targets: ['Linear'], weights: { type: 'float', num_bits: 8, ...weights }, input_activations: { type: 'float', num_bits: 8, dynamic: false } },
      },
    },
    file,
  );

const weight = (dtype: Fp8, shape: readonly [number, number], data: Uint8Array): TestTensor => ({ name: 'm.weight', dtype, shape, data });
const scale = (name: string, shape: readonly number[], data: Float32Array): TestTensor => ({ name: `m.${name}`, dtype: 'F32', shape, data });

async function dequantized(t: Pick<TestContext, 'after'>, tensors: readonly TestTensor[], config: StoredQuantization | null, shape: readonly [number, number]) {
  const [rows, cols] = shape;
  const mapped = await mapTensors(t, tensors, binding);
  const { spec } = await readLinear(mapped, { module: 'm', rows, cols }, config, binding);
  assert.equal(spec.codec, 'f8');
  return (await binding.createWeight(spec)).dequantize();
}

test('a plain cast: all 256 bytes of both types are their values, NaN, infinities and subnormals too', async (t) => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const type of ['F8_E4M3', 'F8_E5M2'] as const) {
    assert.deepEqual(
      [...(await dequantized(t, [weight(type, [16, 16], bytes)], null, [16, 16]))],
      Array.from(bytes, (byte) => fp8Value(type, byte)),
    );
  }
});

test('scales of the tensor, of rows and of blocks, from the tensors and the config', async (t) => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 13 }),
    cols: fc.integer({ min: 1, max: 21 }),
    bytes: fc.infiniteStream(fc.integer({ min: 0, max: 126 })),
  });
  const down = (rows: number): number => Math.ceil(rows / 4);
  const across = (cols: number): number => Math.ceil(cols / 8);
  // [name of the scales, their shape, config, tile of scales]
  const cases = [
    ['weight_scale', () => [], perTensor, null],
    ['weight_scale', () => [1], perTensor, null],
    ['weight_scale', () => [1, 1], compressed({ strategy: 'tensor' }), null],
    ['weight_scale', (rows: number) => [rows, 1], fbgemm, 'row'],
    ['weight_scale', (rows: number) => [rows, 1], compressed({ strategy: 'channel' }), 'row'],
    ['weight_scale_inv', (rows: number, cols: number) => [down(rows), across(cols)], blocks, 'block'],
    ['weight_scale', (rows: number, cols: number) => [down(rows), across(cols)], compressed({ strategy: 'block', block_structure: [4, 8] }), 'block'],
  ] as const;
  await fc.assert(
    fc.asyncProperty(sizes, fc.constantFrom(...cases), async ({ rows, cols, bytes }, [name, shapeOf, config, tile]) => {
      const data = Uint8Array.from({ length: rows * cols }, () => bytes.next().value ?? 0);
      const shape = shapeOf(rows, cols);
      const count = shape.reduce((product, size) => product * size, 1);
      const scales = Float32Array.from({ length: count }, (_, index) => 0.37 + index * 0.11);
      const got = await dequantized(t, [weight('F8_E4M3', [rows, cols], data), scale(name, shape, scales)], config, [rows, cols]);
      const at = (row: number, col: number): number => (tile === null ? 0 : tile === 'row' ? row : Math.floor(row / 4) * across(cols) + Math.floor(col / 8));
      const wanted = Float32Array.from(data, (byte, index) => fp8Value('F8_E4M3', byte) * (scales[at(Math.floor(index / cols), index % cols)] ?? 0));
      assert.deepEqual(got, wanted);
    }),
    { numRuns: 40 },
  );
});

test('scales may be exponents alone', async (t) => {
  const exponents: TestTensor = { name: 'm.weight_scale_inv', dtype: 'F8_E8M0', shape: [1, 2], data: Uint8Array.of(120, 130) };
  const got = await dequantized(t, [weight('F8_E4M3', [2, 16], new Uint8Array(32).fill(0x38)), exponents], blocks, [2, 16]);
  assert.deepEqual([got[0], got[8], got[31]], [2 ** -7, 8, 8]);
});

test('blocks of 128 need no word in the config', async (t) => {
  const data = new Uint8Array(130 * 129).fill(0x38);
  const got = await dequantized(
    t,
    [weight('F8_E4M3', [130, 129], data), scale('weight_scale_inv', [2, 2], Float32Array.of(1, 2, 3, 4))],
    perTensor,
    [130, 129],
  );
  assert.deepEqual([got[0], got[128], got[129 * 128], got[129 * 130 - 1]], [1, 2, 3, 4]);
});

test('scales of activations are left alone', async (t) => {
  const tensors = [
    weight('F8_E4M3', [1, 2], Uint8Array.of(0x38, 0x40)),
    scale('weight_scale', [], Float32Array.of(3)),
    scale('input_scale', [], Float32Array.of(7)),
  ];
  assert.deepEqual([...(await dequantized(t, tensors, perTensor, [1, 2]))], [3, 6]);
});

test('missing, misshapen and mistyped tensors are refused by name', async (t) => {
  const data = weight('F8_E4M3', [8, 16], new Uint8Array(128));
  const cases: readonly (readonly [readonly TestTensor[], StoredQuantization, RegExp])[] = [
    [[data], perTensor, /m\.weight_scale/],
    [[data], blocks, /m\.weight_scale_inv/],
    [[data, scale('weight_scale_inv', [2, 3], new Float32Array(6))], blocks, /weight_scale_inv has shape \[2, 3\]; \[2, 2\] for blocks of 4 x 8 is needed/],
    [
      [data, scale('weight_scale', [7, 1], new Float32Array(7))],
      fbgemm,
      /weight_scale has shape \[7, 1\]; one value, \[8, 1\], or one for 128 x 128 is needed/,
    ],
    [
      [data, { name: 'm.weight_scale', dtype: 'I32', shape: [1], data: new Int32Array(1) }],
      perTensor,
      /weight_scale has type I32; F32 or F16 or BF16 is needed/,
    ],
    [[{ ...data, shape: [16, 8] }, scale('weight_scale', [], new Float32Array(1))], perTensor, /m\.weight has shape \[16, 8\]; \[8, 16\] is needed/],
  ];
  for (const [tensors, config, words] of cases) {
    const mapped = await mapTensors(t, tensors, binding);
    await assert.rejects(readLinear(mapped, { module: 'm', rows: 8, cols: 16 }, config, binding), words);
  }
  await assert.rejects(
    dequantized(t, [data, scale('weight_scale', [], Float32Array.of(Number.NaN))], perTensor, [8, 16]),
    /scale nan of tile \(0, 0\) is not finite/,
  );
});

test('floats of other widths and blocks that are none are refused in words', () => {
  assert.throws(() => compressed({ num_bits: 4 }), /4-bit weights of type "float" cannot be loaded: this engine reads integers and 8-bit floats/);
  assert.throws(() => compressed({ strategy: 'block', block_structure: [128] }), /block_structure is \[128\]; it must be two positive whole numbers/);
  assert.throws(() => parseQuantization({ quant_method: 'fp8', weight_block_size: [0, 128] }, file), /weight_block_size is \[0, 128\]/);
});
