// Alphas of every architecture's blocks. Where rounding changes nothing, no alpha may change the loss: what a norm loses its readers' columns gain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBinding } from '../../jobs/binding.ts';
import { architectures } from '../../model/architectures/registry.ts';
import { type ModelConfig, parseModelConfig } from '../../model/config.ts';
import { buildBlock } from '../../model/decoder.ts';
import { scalingPairs } from '../../model/scaling-pairs.ts';
import type { ModelWeights } from '../../model/weights.ts';
import type { ModuleScheme } from '../method.ts';
import { createTrainedProgram, namedWeights, type TrainedProgram } from './block.ts';

const binding = await loadBinding();
const [hidden, inner, heads, tokens] = [32, 48, 4, 9];

function configOf(name: string, modelType: string): ModelConfig {
  const sizes = {
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: 2,
    num_attention_heads: heads,
    max_position_embeddings: 64,
    vocab_size: 40,
  };
  const gpt2 = { n_embd: hidden, n_inner: inner, n_layer: 2, n_head: heads, n_positions: 64 };
  return parseModelConfig(
    { architectures: [name], model_type: modelType, ...sizes, ...gpt2, ffn_dim: inner, num_key_value_heads: 2, head_dim: 8 },
    'config.json',
  );
}

/** The same numbers for the same name, whoever asks. */
function randomWeights(): ModelWeights {
  const values = (name: string, length: number, around: number, size: number): Float32Array => {
    let state = [...name].reduce((hash, character) => Math.imul(hash ^ character.charCodeAt(0), 16_777_619) >>> 0, 2_166_136_261);
    return Float32Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return around + size * (state / 2 ** 31 - 1);
    });
  };
  const linear: ModelWeights['linear'] = async (module, rows, cols, bias) => {
    const data = new Uint8Array(values(module, rows * cols, 0, 0.3).buffer);
    const weight = await binding.createWeight({ codec: 'dense', type: 'f32', rows, cols, data });
    return bias ? { weight, bias: values(`${module}.bias`, rows, 0, 0.2) } : { weight };
  };
  return {
    linear,
    transposedLinear: linear,
    vector: async (name, length) => values(name, length, name.endsWith('bias') ? 0 : 1, 0.3),
    embedding: () => assert.fail('a block has no embedding'),
  };
}

/** A group of one weight is a code of 255 or 0: rounded exactly. */
async function exactlyRounded(config: ModelConfig): Promise<TrainedProgram> {
  const weights = namedWeights(randomWeights());
  const program = await buildBlock(config, weights, 1);
  const scheme: ModuleScheme = {
    weights: { dtype: 'int', bits: 8, signed: false, symmetric: false, groupSize: 1, zeroPoint: 'integer', descAct: false, staticGroups: false },
    dialect: 'inc',
    mseSearch: false,
    fullRange: false,
    scaleType: 'f32',
  };
  const modules = program.body.flatMap((op) => (op.op === 'linear' ? [weights.moduleOf(op.weight) ?? assert.fail()] : []));
  const schemes = new Map(modules.map((module) => [module, scheme]));
  return createTrainedProgram({ binding, program, moduleOf: weights.moduleOf, pairs: scalingPairs(config, 1), schemes, inputGradient: false });
}

const wave = (length: number, by: number): Float32Array => Float32Array.from({ length }, (_, at) => Math.sin(by * at + 1));
const input = wave(tokens * hidden, 0.7);

for (const { name, modelType } of architectures) {
  test(`${name}: alphas move nothing where rounding moves nothing`, async () => {
    const { tape, places, gradients, round } = await exactlyRounded(configOf(name, modelType));
    assert.equal(places.length, 2);
    const before = await tape.forward(input, Int32Array.of(tokens), false);
    for (const { alpha } of places) for (const channel of alpha.keys()) alpha[channel] = 0.6 + 0.1 * (channel % 9);
    await round();
    const after = await tape.forward(input, Int32Array.of(tokens), false);
    const most = Math.max(...before.map(Math.abs));
    for (const [at, value] of after.entries()) assert.ok(Math.abs(value - (before[at] ?? 0)) < 1e-5 * most, `${at}: ${value} ${before[at]}`);
    const { wanted } = await tape.squaredError(input, Int32Array.of(tokens), wave(tokens * hidden, 0.3));
    const size = Math.max(...wanted.flatMap((gradient) => [...gradient].map(Math.abs)));
    const rest = Math.max(...gradients(wanted).flatMap((gradient) => [...gradient].map(Math.abs)));
    assert.ok(size > 1e-3 && rest < 1e-4 * size, `${rest} of ${size}`);
  });
}
