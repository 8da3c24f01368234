// HQQ: every width, view and group comes back as the packer left it, and what is damaged or cannot be computed on is refused by name.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { loadBinding } from '../../jobs/binding.ts';
import { parseQuantization } from './config.ts';
import { readLinear } from './linear.ts';
import { hqqLinear } from './testing/hqq.ts';
import { changed, mapTensors, type TestTensor } from './testing/stored-tensors.ts';

const binding = await loadBinding();
const params = { weight_quant_params: { nbits: 4, group_size: 64, axis: 1 } };
const config = parseQuantization({ quant_method: 'hqq', quant_config: params, skip_modules: ['lm_head'] }, 'config.json');

async function dequantized(t: Pick<TestContext, 'after'>, tensors: readonly TestTensor[], rows: number, cols: number, stated = config) {
  const mapped = await mapTensors(t, tensors, binding);
  const { spec } = await readLinear(mapped, { module: 'a.m', rows, cols }, stated, binding);
  const weight = await binding.createWeight(spec);
  const weights = await weight.dequantize();
  mapped.close();
  return { codec: weight.codec, weights };
}

test('any width, group and view means what the packer meant', async (t) => {
  const cases = fc.record({
    rows: fc.integer({ min: 1, max: 12 }).map((eighth) => eighth * 8),
    groups: fc.integer({ min: 1, max: 5 }),
    groupSize: fc.constantFrom(8, 16, 40, 64),
    nbits: fc.constantFrom(1, 1.58, 2, 3, 4, 5, 6, 8),
    view: fc.constantFrom(undefined, 'F16', 'BF16'),
    seed: fc.integer({ min: 1, max: 1e6 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, groups, groupSize, nbits, view, seed }) => {
      const cols = groups * groupSize;
      const values = Float32Array.from({ length: rows * cols }, (_, index) => Math.sin(index * seed) + (index % 3));
      const { tensors, weights } = hqqLinear('a.m', values, rows, cols, { nbits, groupSize, ...(view === undefined ? {} : { view }) });
      assert.deepEqual((await dequantized(t, tensors, rows, cols)).weights, weights);
    }),
    { numRuns: 60 },
  );
});

const values = Float32Array.from({ length: 16 * 128 }, (_, index) => Math.cos(index * 3.1));

test('each width has a codec of its own, and 1 bit that of 2', async (t) => {
  const codecs = await Promise.all(
    ([1, 1.58, 2, 3, 4, 5, 6, 8] as const).map(
      async (nbits) => (await dequantized(t, hqqLinear('a.m', values, 16, 128, { nbits, groupSize: 64 }).tensors, 16, 128)).codec,
    ),
  );
  assert.deepEqual(codecs, ['q2', 'q2', 'q2', 'q3', 'q4', 'q5', 'q6', 'q8']);
});

test('what the state leaves out, the config says, for the module by its tag', async (t) => {
  const { tensors, weights } = hqqLinear('a.m', values, 16, 128, { nbits: 2, groupSize: 32 });
  const bare = changed(tensors, { 'a.m.nbits': null, 'a.m.axis': null, 'a.m.group_size': null, 'a.m.shape': null, 'a.m.view_as_float': null });
  const byTag = parseQuantization(
    { quant_method: 'hqq', quant_config: { 'a.m': { weight_quant_params: { nbits: 2, group_size: 32, axis: 1 } } } },
    'config.json',
  );
  assert.deepEqual((await dequantized(t, bare, 16, 128, byTag)).weights, weights);
});

test('damaged, contradicting and foreign tensors are refused by name', async (t) => {
  const { tensors } = hqqLinear('a.m', values, 16, 128, { nbits: 4, groupSize: 64 });
  const extra = (part: string): TestTensor => ({ name: `a.m.${part}`, dtype: 'U8', shape: [4], data: new Uint8Array(4) });
  const cases: readonly (readonly [readonly TestTensor[], RegExp])[] = [
    [changed(tensors, { 'a.m.axis': { data: Int32Array.of(0) } }), /tensor a\.m\.W_q is grouped along axis 0; .*only axis 1/],
    [changed(tensors, { 'a.m.nbits': { data: Int32Array.of(7) } }), /tensor a\.m\.W_q has codes of 7 bits/],
    [
      changed(tensors, { 'a.m.nbits': { data: Int32Array.of(2) } }),
      /W_q has shape \[16, 64\], 1024 bytes; 2-bit codes of \[16, 128\] in groups of 64 are 512 bytes/,
    ],
    [changed(tensors, { 'a.m.shape': { data: BigInt64Array.of(128n, 16n) } }), /tensor a\.m\.shape says \[128, 16\]; the model's config needs \[16, 128\]/],
    [changed(tensors, { 'a.m.scale': null }), /a\.m\.scale/],
    [changed(tensors, { 'a.m.zero': null }), /a\.m\.zero/],
    [changed(tensors, { 'a.m.scale': { shape: [31, 1], data: new Float32Array(31) } }), /tensor a\.m\.scale has shape \[31, 1\]; \[groups, 1\]/],
    [changed(tensors, { 'a.m.zero': { shape: [31, 1], data: new Float32Array(31) } }), /tensor a\.m\.zero has shape \[31, 1\]; \[32, 1\] is needed/],
    [changed(tensors, { 'a.m.scale': { dtype: 'I32', data: new Int32Array(32) } }), /tensor a\.m\.scale has type I32/],
    [changed(tensors, { 'a.m.W_q': { shape: [15, 64], data: new Uint8Array(960) } }), /tensor a\.m\.W_q has shape \[15, 64\], 960 bytes; .* are 1024 bytes/],
    [changed(tensors, { 'a.m.W_q': { dtype: 'I16', shape: [8, 64] } }), /tensor a\.m\.W_q has type I16/],
    [[...tensors, extra('scale_q')], /tensor a\.m\.scale_q is quantized itself/],
  ];
  for (const [given, words] of cases) await assert.rejects(dequantized(t, given, 16, 128), words);
});
