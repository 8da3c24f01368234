// A small Llama with seeded random weights, written as a model directory: odd row lengths where asked, so that tails and free shapes are exercised.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCheckpoint } from '@quantwright/engine/checkpoint/sharded-writer';

export interface TinyModel {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
}

/** Numerical Recipes' linear congruential generator: the same numbers on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Weights are F32. Returns the directory. */
export async function writeTinyModel(directory: string, { hiddenSize, intermediateSize, layers }: TinyModel, seed = 1): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: 64,
    hidden_size: hiddenSize,
    intermediate_size: intermediateSize,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    torch_dtype: 'float32',
  };
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  const block = (layer: number): [string, number[]][] => [
    [`model.layers.${layer}.input_layernorm.weight`, [hiddenSize]],
    [`model.layers.${layer}.post_attention_layernorm.weight`, [hiddenSize]],
    [`model.layers.${layer}.self_attn.q_proj.weight`, [64, hiddenSize]],
    [`model.layers.${layer}.self_attn.k_proj.weight`, [32, hiddenSize]],
    [`model.layers.${layer}.self_attn.v_proj.weight`, [32, hiddenSize]],
    [`model.layers.${layer}.self_attn.o_proj.weight`, [hiddenSize, 64]],
    [`model.layers.${layer}.mlp.gate_proj.weight`, [intermediateSize, hiddenSize]],
    [`model.layers.${layer}.mlp.up_proj.weight`, [intermediateSize, hiddenSize]],
    [`model.layers.${layer}.mlp.down_proj.weight`, [hiddenSize, intermediateSize]],
  ];
  const shapes: [string, number[]][] = [
    ['model.embed_tokens.weight', [64, hiddenSize]],
    ['model.norm.weight', [hiddenSize]],
    ...Array.from({ length: layers }, (_, layer) => block(layer)).flat(),
  ];
  const random = seeded(seed);
  const writer = await createCheckpoint(
    directory,
    shapes.map(([name, shape]) => ({ name, shape, dtype: 'F32' })),
  );
  for (const [name, shape] of shapes) {
    const norm = shape.length === 1;
    const values = Float32Array.from(
      { length: shape.reduce((product, size) => product * size, 1) },
      () => (norm ? 1 : random() + random() + random() - 1.5) * (norm ? 1 : 0.1),
    );
    await writer.write(name, values);
  }
  await writer.finish();
  return directory;
}
