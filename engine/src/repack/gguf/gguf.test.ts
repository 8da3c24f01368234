// GGUF exports: blocks hold the codes, scales and zero points that they were made from, the file gives the logits of the model directory, and the
// vocabulary gives its ids. Weights are computed from the blocks by plain arithmetic (checkpoint/gguf/testing), not by the reader that the engine uses.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { openGguf } from '../../checkpoint/gguf/file.ts';
import { architectureFor } from '../../checkpoint/gguf/from-config.ts';
import { dequantize } from '../../checkpoint/gguf/testing/dequantize.ts';
import { logitsOf } from '../../eval/logits.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { parseModelConfig } from '../../model/config.ts';
import { loadModel } from '../../model/load.ts';
import { convertModel } from '../convert.ts';
import type { StoredMatrix } from '../stored-matrix.ts';
import { type Grid, gridsOf, randomMatrix, tinyLlama, writeQuantized } from '../testing/quantized-model.ts';
import { type BlockType, blockTypeFor } from './block-type.ts';
import { encodeBlocks } from './blocks.ts';
import { decodeBlocks } from './decode-blocks.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 8 }, (_, index) => (index * 17 + 3) % 64);

function stored(grid: Grid, rows: number, cols: number): StoredMatrix {
  const { codes, ...matrix } = randomMatrix(grid, rows, cols);
  return { ...matrix, signed: codes instanceof Int8Array, activations: null, codes: async () => codes };
}

const grids = fc.record({
  bits: fc.constantFrom(2 as const, 3 as const, 4 as const, 8 as const),
  groupSize: fc.constantFrom(-1, 32, 64, 128, 256),
  zeros: fc.constantFrom('middle' as const, 'integer' as const, 'fractional' as const),
  signed: fc.boolean(),
  descAct: fc.constant(false),
  seed: fc.integer({ min: 0, max: 1_000_000 }),
  exact: fc.boolean(),
  cols: fc.constantFrom(32, 96, 256, 512),
});

test('blocks stand for the weights of the codes, exactly but for the minimums of Q4_1', async (t) => {
  const seen = new Map<string, number>();
  let worst = 0;
  await fc.assert(
    fc.asyncProperty(grids, async ({ exact, cols, ...grid }) => {
      const rows = 3;
      const matrix = stored(grid, rows, cols);
      const choice = blockTypeFor(matrix, exact);
      const form = 'why' in choice ? choice.why.replace(/[\d.]+/g, 'N') : choice.type;
      seen.set(form, (seen.get(form) ?? 0) + 1);
      if ('why' in choice) {
        assert.ok(grid.bits === 8 ? grid.zeros !== 'middle' : exact && grid.zeros === 'fractional', choice.why);
        return;
      }
      const weights = dequantize(choice.type, await encodeBlocks(choice.type, matrix, Int32Array.of(2, 0, 1)));
      const codes = await matrix.codes();
      for (const [at, weight] of weights.entries()) {
        const [row, col] = [[2, 0, 1][Math.floor(at / cols)] ?? 0, at % cols];
        const parameter = row * matrix.groups + Math.floor(col / matrix.groupSize);
        const scale = matrix.scale[parameter] ?? 0;
        const wanted = ((codes[row * cols + col] ?? 0) - (matrix.zero[parameter] ?? 0)) * scale;
        const error = Math.abs(weight - wanted) / scale;
        worst = Math.max(worst, error);
        assert.ok(error <= (choice.type === 'Q4_1' ? choice.rounded + 1e-6 : 0), `${choice.type}: ${weight}, wanted ${wanted}`);
      }
      assert.ok(choice.rounded < 0.01);
    }),
    { numRuns: 300 },
  );
  t.diagnostic(`${JSON.stringify(Object.fromEntries(seen))}; largest error ${worst.toExponential(1)} of a step`);
  for (const type of ['Q4_0', 'Q4_1', 'Q5_0', 'Q8_0', 'Q4_K'] satisfies BlockType[]) assert.ok(seen.has(type), `${type} was never chosen`);
});

test('what no block type holds is told', () => {
  const grid: Grid = { bits: 4, groupSize: 32, zeros: 'middle', signed: false, descAct: false, seed: 1 };
  const why = (matrix: StoredMatrix): string => {
    const choice = blockTypeFor(matrix, false);
    return 'why' in choice ? choice.why : `fits ${choice.type}`;
  };
  assert.match(why(stored({ ...grid, descAct: true }, 2, 64)), /activation order/);
  assert.match(why(stored({ ...grid, groupSize: 24 }, 2, 96)), /groups of 24 are no whole blocks of 32/);
  assert.match(why(stored({ ...grid, groupSize: -1 }, 2, 40)), /rows of 40/);
  const wide = stored(grid, 2, 64);
  assert.match(why({ ...wide, scale: wide.scale.map((scale) => scale * (1 + 2 ** -12)) }), /not exact in the float16 of the blocks/);
});

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-to-gguf-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const wide = { ...tinyLlama, hidden_size: 256, intermediate_size: 512, head_dim: 64, num_attention_heads: 4, num_key_value_heads: 2 };
const plain: Grid = { bits: 4, groupSize: 32, zeros: 'middle', signed: false, descAct: false, seed: 3 };

for (const [title, grid, exact, type] of [
  ['4 bits, symmetric', plain, false, 'Q4_0'],
  ['3 bits', { ...plain, bits: 3, zeros: 'integer' }, false, 'Q4_0'],
  ['8 bits, symmetric', { ...plain, bits: 8 }, false, 'Q8_0'],
  ['4 bits, one group a row', { ...plain, zeros: 'integer', groupSize: -1 }, false, 'Q4_K'],
  ['4 bits, asymmetric, exact', { ...plain, zeros: 'integer', groupSize: 128 }, true, 'Q5_0'],
] as const) {
  test(`the file gives the logits of its model directory: ${title}, as ${type}`, async (t) => {
    const directory = await temporary(t);
    const model = join(directory, 'model');
    await mkdir(model);
    await writeQuantized(binding, model, 'gptq_v2', grid, wide);
    await writeFile(join(model, 'LICENSE'), 'terms');
    const out = join(directory, 'out');
    const result = await convertModel({ modelPath: model, to: 'gguf', outDir: out, exact }, { loadBinding: async () => binding });
    assert.deepEqual(result.linears, [{ form: type, modules: 14 }]);
    assert.deepEqual((await readdir(out)).sort(), ['LICENSE', 'model.gguf']);
    const wanted = await logitsOf(await loadModel(model, { binding }), ids);
    const got = await logitsOf(await loadModel(join(out, 'model.gguf'), { binding }), ids);
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const difference = wanted.reduce((most, value, at) => Math.max(most, Math.abs(value - (got[at] ?? Number.NaN))), 0) / largest;
    t.diagnostic(`largest difference ${difference.toExponential(1)} of the largest logit`);
    // The same weights, summed in other groups.
    assert.ok(largest > 0 && difference < 1e-5, String(difference));
    const { metadata } = await openGguf(join(out, 'model.gguf'));
    assert.equal(metadata.text('general.architecture'), 'llama');
  });
}

for (const [title, grid, exact] of [
  ['4 bits, symmetric', { ...plain, groupSize: 128 }, false],
  ['4 bits, asymmetric, rounded minimums', { ...plain, zeros: 'integer', groupSize: 64 }, false],
  ['4 bits, asymmetric, one group a row', { ...plain, zeros: 'integer', groupSize: -1 }, false],
  ['8 bits, symmetric', { ...plain, bits: 8 }, false],
] as const) {
  test(`a GGUF file becomes the model directory that it was made of: ${title}`, async (t) => {
    const directory = await temporary(t);
    const model = join(directory, 'model');
    await mkdir(model);
    await writeQuantized(binding, model, 'gptq_v2', grid, wide);
    const [there, back] = [join(directory, 'there'), join(directory, 'back')];
    const hooks = { loadBinding: async () => binding };
    await convertModel({ modelPath: model, to: 'gguf', outDir: there, exact }, hooks);
    await convertModel({ modelPath: join(there, 'model.gguf'), to: 'gptq_v2', outDir: back }, hooks);
    assert.deepEqual(await gridsOf(binding, back), await gridsOf(binding, model));
    const [before, after] = [await openCheckpoint(model), await openCheckpoint(back)];
    assert.deepEqual(after.names, before.names);
    for (const name of before.names)
      assert.deepEqual([after.info(name).shape, after.info(name).dtype], [before.info(name).shape, before.info(name).dtype], name);
    assert.deepEqual(await logitsOf(await loadModel(back, { binding }), ids), await logitsOf(await loadModel(model, { binding }), ids));
  });
}

test('blocks give back the codes and parameters that they were made of', async () => {
  await fc.assert(
    fc.asyncProperty(grids, async ({ exact, cols, ...grid }) => {
      const matrix = stored(grid, 3, cols);
      const choice = blockTypeFor(matrix, exact);
      if ('why' in choice || grid.zeros === 'fractional') return;
      const decoded = decodeBlocks(choice.type, await encodeBlocks(choice.type, matrix, null), 3, cols);
      assert.ok(decoded !== null);
      const [codes, got] = [await matrix.codes(), await decoded.codes()];
      for (const [at, code] of codes.entries()) {
        const parameter = (of: StoredMatrix): number => Math.floor(at / cols) * of.groups + Math.floor((at % cols) / of.groupSize);
        assert.equal((got[at] ?? 0) - (decoded.zero[parameter(decoded)] ?? 0), code - (matrix.zero[parameter(matrix)] ?? 0));
        assert.equal(decoded.scale[parameter(decoded)], matrix.scale[parameter(matrix)]);
      }
    }),
    { numRuns: 150 },
  );
});

test("Llama 3's rotation becomes divisors of its frequencies", async (t) => {
  const directory = await temporary(t);
  const model = join(directory, 'model');
  await mkdir(model);
  const scaling = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 };
  await writeQuantized(binding, model, 'gptq_v2', plain, { ...wide, rope_scaling: scaling });
  const out = join(directory, 'out');
  await convertModel({ modelPath: model, to: 'gguf', outDir: out }, { loadBinding: async () => binding });
  const wanted = await logitsOf(await loadModel(model, { binding }), ids);
  const got = await logitsOf(await loadModel(join(out, 'model.gguf'), { binding }), ids);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [at, value] of wanted.entries()) assert.ok(Math.abs(value - (got[at] ?? Number.NaN)) < 1e-4 * largest);
});

test('a model that no GGUF architecture here describes is refused, and leaves nothing', async (t) => {
  const directory = await temporary(t);
  const model = join(directory, 'model');
  await mkdir(model);
  await writeQuantized(binding, model, 'gptq_v2', plain, tinyLlama);
  const config = JSON.parse(await readFile(join(model, 'config.json'), 'utf8'));
  const convert = (): Promise<unknown> => convertModel({ modelPath: model, to: 'gguf', outDir: join(directory, 'out') }, { loadBinding: async () => binding });
  await writeFile(
    join(model, 'config.json'),
    JSON.stringify({
      ...config,
      rope_scaling: { rope_type: 'linear', factor: 2 },
      model_type: 'mistral',
      architectures: ['MistralForCausalLM'],
      sliding_window: 8,
    }),
  );
  await assert.rejects(convert(), /llama architecture of GGUF files has no sliding window/);
  const opt = { ...tinyLlama, model_type: 'opt', architectures: ['OPTForCausalLM'], ffn_dim: 96, word_embed_proj_dim: 64, do_layer_norm_before: true };
  assert.throws(
    () => architectureFor(parseModelConfig(opt, 'config.json'), 'config.json'),
    /models of type opt cannot be written as gguf here; those that can: llama, mistral/,
  );
  assert.deepEqual(await readdir(directory), ['model']);
});

test('8-bit codes with zero points fit no block, and the refusal names what holds them', async (t) => {
  const directory = await temporary(t);
  const model = join(directory, 'model');
  await mkdir(model);
  await writeQuantized(binding, model, 'gptq_v2', { ...plain, bits: 8, zeros: 'integer' });
  await assert.rejects(
    convertModel({ modelPath: model, to: 'gguf', outDir: join(directory, 'out') }, { loadBinding: async () => binding }),
    /cannot be written as gguf without quantizing again\. .*8-bit codes with zero points other than 128 fit no block type.*What holds all of them as they are: --to gptq, --to gptq_v2, --to compressed-tensors, --to quantwright/,
  );
});
