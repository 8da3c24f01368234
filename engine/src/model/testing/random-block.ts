// A block of any architecture with random weights that are made when they are asked for, without files. For tests.
import assert from 'node:assert/strict';
import type { DenseSource, Weight } from '@quantwright/native/binding';
import { loadBinding } from '../../jobs/binding.ts';
import { roundToType } from '../../methods/round-to-type.ts';
import type { BlockEdit } from '../../methods/transform.ts';
import { type ModelConfig, parseModelConfig } from '../config.ts';
import type { ModelWeights } from '../weights.ts';

const binding = await loadBinding();
export const [hidden, inner, heads, tokens] = [32, 48, 4, 9];

/** `kvHeads` below `heads`: keys and values are shared. */
export function configOf(name: string, modelType: string, kvHeads: number): ModelConfig {
  const sizes = {
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: 2,
    num_attention_heads: heads,
    max_position_embeddings: 64,
    vocab_size: 40,
  };
  const gpt2 = { n_embd: hidden, n_inner: inner, n_layer: 2, n_head: heads, n_positions: 64 };
  const opt = { ffn_dim: inner };
  const biased = { attention_bias: true, mlp_bias: true, num_key_value_heads: kvHeads, head_dim: hidden / heads };
  return parseModelConfig({ architectures: [name], model_type: modelType, ...sizes, ...gpt2, ...opt, ...biased }, 'config.json');
}

/** Random weights, made when they are asked for and kept. */
export function randomModel(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const vectors = new Map<string, Float32Array>();
  const matrices = new Map<string, DenseSource>();
  const vector = (name: string, length: number): Float32Array => {
    // Norms of 1 and more; biases around 0. In bf16, as models are stored.
    const made = vectors.get(name) ?? Float32Array.from({ length }, () => roundToType((name.endsWith('norm.weight') ? 1.5 : 0) + 0.4 * next(), 'bf16'));
    vectors.set(name, made);
    return made;
  };
  const matrix = (module: string, rows: number, cols: number): DenseSource => {
    const values = Float32Array.from({ length: rows * cols }, () => 0.3 * next());
    const made = matrices.get(module) ?? { type: 'f32', rows, cols, data: new Uint8Array(values.buffer) };
    matrices.set(module, made);
    return made;
  };
  return { next, vectors, matrices, vector, matrix };
}

export type RandomModel = ReturnType<typeof randomModel>;

/** `edit`: what transforms change of it. */
export function weightsOf(model: RandomModel, edit: BlockEdit | null): ModelWeights {
  const linear: ModelWeights['linear'] = async (module, rows, cols, bias) => {
    const source = model.matrix(module, rows, cols);
    const change = edit?.matrices.get(module);
    const values = change === undefined ? null : await binding.editMatrix(source, change);
    const weight: Weight = await binding.createWeight({ codec: 'dense', ...source, ...(values === null ? {} : { data: new Uint8Array(values.buffer) }) });
    const stored = bias ? model.vector(`${module}.bias`, rows) : null;
    return stored === null ? { weight } : { weight, bias: edit?.tensors.get(`${module}.bias`) ?? stored };
  };
  return {
    linear,
    transposedLinear: linear,
    vector: async (name, length) => edit?.tensors.get(name) ?? model.vector(name, length),
    embedding: () => assert.fail('a block has no embedding'),
  };
}
