// Rescaling channels keeps what a block computes: every place of every architecture, with random scales; and norms stay exact in the type they are stored in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DenseType } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import fc from 'fast-check';
import { loadBinding } from '../jobs/binding.ts';
import { architectures } from '../model/architectures/registry.ts';
import type { ModelConfig } from '../model/config.ts';
import { buildBlock } from '../model/decoder.ts';
import { type ScalingPair, scalingPairs } from '../model/scaling-pairs.ts';
import { configOf, heads, hidden, type RandomModel, randomModel, tokens, weightsOf } from '../model/testing/random-block.ts';
import { encodeFloats } from '../pipeline/layouts/codes.ts';
import { foldIntoNorm, foldPair, mergeEdits } from './folding.ts';
import { roundToType } from './round-to-type.ts';
import type { BlockEdit, TransformBlock } from './transform.ts';

const binding = await loadBinding();
async function outputOf(config: ModelConfig, model: RandomModel, input: Float32Array, edit: BlockEdit | null): Promise<Float32Array> {
  const program = binding.createProgram(await buildBlock(config, weightsOf(model, edit), 1));
  return program.run(program.createSession(tokens, 'f32'), input, 'all');
}

const notAsked = (): never => assert.fail('not asked');

function blockOf(config: ModelConfig, model: RandomModel, pairs: readonly ScalingPair[], type: DenseType): TransformBlock {
  return {
    binding,
    recipe: {} as Recipe,
    layer: 1,
    layers: 2,
    pairs,
    linears: [],
    matrix: async (module) => model.matrices.get(module) ?? assert.fail(`${config.architecture.name} has no ${module}`),
    vector: async (name) => model.vectors.get(name) ?? null,
    typeOf: () => type,
    inputs: { magnitudes: notAsked, sample: notAsked, sequences: 0, sequence: notAsked, quantized: null },
    program: notAsked,
    onStep: notAsked,
  };
}

for (const { name, modelType } of architectures) {
  for (const kvHeads of [heads, 2]) {
    test(`${name} with ${kvHeads} of ${heads} key heads computes the same after all its places are rescaled`, async (t) => {
      const config = configOf(name, modelType, kvHeads);
      const pairs = scalingPairs(config, 1);
      const model = randomModel(heads + kvHeads);
      const input = Float32Array.from({ length: tokens * hidden }, () => model.next());
      const before = await outputOf(config, model, input, null);
      for (const pair of [...pairs.map((one) => [one]), pairs]) {
        const block = blockOf(config, model, pair, 'f32');
        const edits: BlockEdit[] = [];
        for (const one of pair) {
          const scale = Float32Array.from({ length: one.width }, () => 2 ** (2 * model.next()));
          edits.push((await foldPair(block, one, scale)).edit);
        }
        const edit = mergeEdits(edits);
        assert.ok(edit.matrices.size > 0);
        const after = await outputOf(config, model, input, edit);
        const worst = Math.max(...after.map((value, index) => Math.abs(value - (before[index] ?? 0))));
        t.diagnostic(`${pair.map(({ producer }) => producer.module).join(', ')}: ${worst.toExponential(1)}`);
        assert.ok(worst < 1e-4, `${pair.map(({ producer }) => producer.module)} changes the block by ${worst}`);
      }
      const shared = config.classic === null && kvHeads < heads;
      assert.equal(
        pairs.some(({ input: read }) => read === 'o_proj'),
        !shared && modelType !== 'gpt_neox',
      );
    });
  }
}

const types = fc.constantFrom<DenseType>('f32', 'f16', 'bf16');
const exact = (value: number, type: DenseType): boolean => {
  const bytes = encodeFloats(Float32Array.of(value), type);
  const bits = bytes.length === 4 ? null : new Uint16Array(bytes.buffer)[0];
  return bits === null || roundToType(value, type) === Math.fround(value);
};

test('norms are exact in their type, and scale times norm is what it was', () => {
  const number = fc.double({ min: -30, max: 30, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(number, fc.double({ min: 1e-3, max: 1e3, noNaN: true })), { minLength: 1 }),
      types,
      fc.constantFrom<0 | 1>(0, 1),
      (channels, type, offset) => {
        const weight = Float32Array.from(channels, ([value]) => roundToType(value, type));
        const wanted = Float32Array.from(channels, ([, scale]) => scale);
        const { weight: folded, scale } = foldIntoNorm(weight, offset, type, wanted);
        for (const [channel, by] of scale.entries()) {
          const [before, after] = [(weight[channel] ?? 0) + offset, (folded[channel] ?? 0) + offset];
          assert.ok(exact(folded[channel] ?? Number.NaN, type), `${folded[channel]} in ${type}`);
          assert.ok(Math.abs(after * by - before) <= 1e-6 * Math.abs(before), `${after} * ${by} is not ${before}`);
          assert.ok(by > 0 && Number.isFinite(by));
        }
      },
    ),
  );
});

test('a channel whose norm is 0 keeps its weights', () => {
  const { weight, scale } = foldIntoNorm(Float32Array.of(0, 2), 0, 'bf16', Float32Array.of(8, 4));
  assert.deepEqual(
    [[...weight], [...scale]],
    [
      [0, 0.5],
      [1, 4],
    ],
  );
});

test('numbers are rounded to a type as files store them', () => {
  const widen = (bytes: Uint8Array, type: DenseType): Promise<Float32Array> => binding.widen({ type, rows: 1, cols: 1, data: bytes });
  return fc.assert(
    fc.asyncProperty(fc.float({ noNaN: true }), types, async (value, type) => {
      assert.equal(roundToType(value, type), (await widen(encodeFloats(Float32Array.of(value), type), type))[0]);
    }),
  );
});
