// GPT-2, OPT and GPT-NeoX (Pythia): layer norms, biases, an MLP without a gate.
import { spell } from '../../checkpoint/spell.ts';
import { EngineError } from '../../errors.ts';
import { parsePartialRope } from '../rope.ts';
import { type Architecture, type ClassicBlocks, plainTraits, type Source, type Traits } from './architecture.ts';

export const gpt2: Architecture = {
  name: 'GPT2LMHeadModel',
  modelType: 'gpt2',
  transposed: true,
  traits(source) {
    const { config } = source;
    refuse(source, 'add_cross_attention', true);
    return withBlocks(source, {
      embedding: 'transformer.wte.weight',
      positions: { module: 'transformer.wpe.weight', offset: 0 },
      prefix: 'transformer.h.{i}',
      norms: ['ln_1', 'ln_2'],
      finalNorm: 'transformer.ln_f',
      fused: { module: 'attn.c_attn', byHeads: false },
      out: 'attn.c_proj',
      up: 'mlp.c_fc',
      down: 'mlp.c_proj',
      head: 'lm_head',
      activation: activation(source, 'activation_function', 'gelu_new'),
      eps: epsilon(source, 'layer_norm_epsilon'),
      bias: true,
      parallel: false,
      scaleByLayer: config['scale_attn_by_inverse_layer_idx'] === true,
    });
  },
};

export const opt: Architecture = {
  name: 'OPTForCausalLM',
  modelType: 'opt',
  traits(source) {
    const { config, shape, file } = source;
    // OPT-350m norms behind its parts and projects its embeddings.
    refuse(source, 'do_layer_norm_before', false);
    refuse(source, '_remove_final_layer_norm', true);
    refuse(source, 'layer_norm_elementwise_affine', false);
    if ((config['word_embed_proj_dim'] ?? shape.hiddenSize) !== shape.hiddenSize)
      throw new EngineError('checkpoint', `${file}: word_embed_proj_dim other than hidden_size cannot run here`, { file });
    return withBlocks(source, {
      embedding: 'model.decoder.embed_tokens.weight',
      // modeling_opt.py :: OPTLearnedPositionalEmbedding
      positions: { module: 'model.decoder.embed_positions.weight', offset: 2 },
      prefix: 'model.decoder.layers.{i}',
      norms: ['self_attn_layer_norm', 'final_layer_norm'],
      finalNorm: 'model.decoder.final_layer_norm',
      fused: null,
      out: 'self_attn.out_proj',
      up: 'fc1',
      down: 'fc2',
      head: 'lm_head',
      activation: activation(source, 'activation_function', 'relu'),
      eps: 1e-5,
      bias: config['enable_bias'] !== false,
      parallel: false,
      scaleByLayer: false,
    });
  },
};

export const gptNeox: Architecture = {
  name: 'GPTNeoXForCausalLM',
  modelType: 'gpt_neox',
  traits(source) {
    const { config, shape, file } = source;
    const rope = parsePartialRope(
      { rope_theta: config['rotary_emb_base'] ?? 10_000, partial_rotary_factor: config['rotary_pct'] ?? 0.25, ...config },
      shape,
      file,
    );
    return {
      ...withBlocks(source, {
        embedding: 'gpt_neox.embed_in.weight',
        positions: null,
        prefix: 'gpt_neox.layers.{i}',
        norms: ['input_layernorm', 'post_attention_layernorm'],
        finalNorm: 'gpt_neox.final_layer_norm',
        fused: { module: 'attention.query_key_value', byHeads: true },
        out: 'attention.dense',
        up: 'mlp.dense_h_to_4h',
        down: 'mlp.dense_4h_to_h',
        head: 'embed_out',
        activation: activation(source, 'hidden_act', 'gelu'),
        eps: epsilon(source, 'layer_norm_eps'),
        bias: config['attention_bias'] !== false,
        parallel: config['use_parallel_residual'] !== false,
        scaleByLayer: false,
      }),
      ropes: Array(shape.layers).fill(rope),
    };
  },
};

function withBlocks(source: Source, classic: ClassicBlocks): Traits {
  const plain = plainTraits({ ...source, config: {} });
  return { ...plain, ropes: [], classic, attentionScale: source.config['scale_attn_weights'] === false ? 1 : plain.attentionScale };
}

function activation({ config, file }: Source, key: string, otherwise: string): ClassicBlocks['activation'] {
  const name = config[key] ?? otherwise;
  if (name === 'relu') return 'relu';
  if (name === 'gelu') return 'gelu';
  if (name === 'gelu_new' || name === 'gelu_pytorch_tanh' || name === 'gelu_fast') return 'gelu_tanh';
  throw new EngineError('checkpoint', `${file}: ${key} ${spell(name)} cannot run here; relu, gelu and gelu_new can`, { file });
}

function epsilon({ config, file }: Source, key: string): number {
  const eps = config[key] ?? 1e-5;
  if (typeof eps === 'number' && eps >= 0 && eps < 1) return eps;
  throw new EngineError('checkpoint', `${file}: ${key} is ${spell(eps)}; it must lie in [0, 1)`, { file });
}

function refuse({ config, file }: Source, key: string, value: boolean): void {
  if (config[key] === value) throw new EngineError('checkpoint', `${file}: ${key} ${value} cannot run here`, { file });
}
