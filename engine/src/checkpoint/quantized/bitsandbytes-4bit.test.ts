// bitsandbytes NF4 and FP4: whatever bytes a file holds mean table[code] * absmax, nested or not, and what is damaged is refused by name.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { loadBinding } from '../../jobs/binding.ts';
import { parseQuantization } from './config.ts';
import { readLinear } from './linear.ts';
import { bnbLinear, tables } from './testing/bnb.ts';
import { changed, mapTensors, type TestTensor } from './testing/stored-tensors.ts';

const binding = await loadBinding();
const config = parseQuantization({ quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4' }, 'config.json');

async function dequantized(t: Pick<TestContext, 'after'>, tensors: readonly TestTensor[], rows: number, cols: number): Promise<Float32Array> {
  const mapped = await mapTensors(t, tensors, binding);
  const { spec } = await readLinear(mapped, { module: 'm', rows, cols }, config, binding);
  const weights = await (await binding.createWeight(spec)).dequantize();
  mapped.close();
  return weights;
}

test('any weights, blocks and nesting come back as the quantizer left them', async (t) => {
  const cases = fc.record({
    rows: fc.integer({ min: 1, max: 20 }),
    cols: fc.integer({ min: 1, max: 24 }).map((eighth) => eighth * 8),
    blocksize: fc.integer({ min: 5, max: 12 }).map((power) => 2 ** power),
    type: fc.constantFrom('nf4', 'fp4'),
    nested: fc.constantFrom(null, 2, 256),
    seed: fc.integer({ min: 1, max: 1e6 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, cols, seed, ...options }) => {
      const values = Float32Array.from({ length: rows * cols }, (_, index) => Math.sin(index * seed) * (1 + (index % 7)));
      const { tensors, weights } = bnbLinear('m', values, rows, cols, options);
      assert.deepEqual(await dequantized(t, tensors, rows, cols), weights);
    }),
    { numRuns: 40 },
  );
});

test('codes may be stored under the name of another type', async (t) => {
  const { tensors, weights } = bnbLinear(
    'm',
    Float32Array.from({ length: 512 }, (_, index) => Math.sin(index)),
    8,
    64,
    { type: 'nf4', blocksize: 64, nested: null },
  );
  const moved = changed(tensors, { 'm.weight': { dtype: 'BF16', shape: [128, 1] } });
  assert.deepEqual(await dequantized(t, moved, 8, 64), weights);
});

test('a weight takes 4.5 bits in memory where 64 values share an absmax', async (t) => {
  const { tensors } = bnbLinear('m', new Float32Array(64 * 512).fill(1), 64, 512, { type: 'nf4', blocksize: 64, nested: 256 });
  const mapped = await mapTensors(t, tensors, binding);
  const { spec } = await readLinear(mapped, { module: 'm', rows: 64, cols: 512 }, config, binding);
  assert.equal(((await binding.createWeight(spec)).bytes * 8) / (64 * 512), 4.5);
});

test('missing, misshapen and contradicting tensors are refused by name', async (t) => {
  const { tensors } = bnbLinear(
    'm',
    Float32Array.from({ length: 1024 }, (_, index) => Math.cos(index)),
    8,
    128,
    { type: 'nf4', blocksize: 64, nested: 256 },
  );
  const state = 'm.weight.quant_state.bitsandbytes__nf4';
  const json = (value: unknown): Partial<TestTensor> => {
    const data = new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
    return { data, shape: [data.length] };
  };
  const said = { quant_type: 'nf4', blocksize: 64, shape: [8, 128], nested_blocksize: 256, nested_offset: 0.5 };
  const cases: readonly (readonly [Parameters<typeof changed>[1], RegExp])[] = [
    [{ [state]: null }, /quant_state\.bitsandbytes__nf4/],
    [{ [state]: json('{') }, /bitsandbytes__nf4 is not JSON/],
    [{ [state]: json('[]') }, /holds JSON that is not an object/],
    [{ [state]: json({ ...said, shape: [128, 8] }) }, /bitsandbytes__nf4 says shape \[128, 8\]; the model's config needs \[8, 128\]/],
    [{ [state]: json({ ...said, blocksize: 16 }) }, /says blocksize 16; a whole number from 32 to 4096/],
    [{ [state]: json({ ...said, nested_offset: 'x' }) }, /says nested_offset "x"; a number/],
    [{ [state]: json({ ...said, nested_blocksize: undefined }) }, /says nested_blocksize nothing; a whole number/],
    [
      { 'm.weight': { shape: [511, 1], data: new Uint8Array(511) } },
      /tensor m\.weight has shape \[511, 1\], 511 bytes; 4-bit codes of \[8, 128\] are 512 bytes/,
    ],
    [{ 'm.weight.absmax': { shape: [15], data: new Uint8Array(15) } }, /tensor m\.weight\.absmax has shape \[15\]; \[16\] is needed/],
    [{ 'm.weight.absmax': { dtype: 'F32', data: new Float32Array(16) } }, /tensor m\.weight\.absmax has type F32; U8 is needed/],
    [{ 'm.weight.absmax': null }, /m\.weight\.absmax/],
    [{ 'm.weight.nested_absmax': null }, /m\.weight\.nested_absmax/],
    [{ 'm.weight.nested_quant_map': { shape: [16], data: tables.nf4 } }, /nested_quant_map has shape \[16\]; \[256\] is needed/],
    [{ 'm.weight.quant_map': null }, /m\.weight\.quant_map/],
    [{ 'm.weight': null }, /module m has no weight/],
  ];
  for (const [changes, words] of cases) {
    const mapped = await mapTensors(t, changed(tensors, changes), binding);
    await assert.rejects(readLinear(mapped, { module: 'm', rows: 8, cols: 128 }, config, binding), words);
  }
});

test('blocks that cut rows into pieces the kernel has not are refused in words', async (t) => {
  const { tensors } = bnbLinear(
    'm',
    Float32Array.from({ length: 400 }, (_, index) => Math.cos(index)),
    4,
    100,
    { type: 'fp4', blocksize: 64, nested: null },
  );
  await assert.rejects(dequantized(t, tensors, 4, 100), /blocks of 64 over rows of 100 columns change every 4 columns; a multiple of 8/);
});

test('a config of bitsandbytes must say which width it is', () => {
  assert.throws(() => parseQuantization({ quant_method: 'bitsandbytes' }, 'config.json'), /neither load_in_4bit nor load_in_8bit/);
});
