// Models whose blocks are not Llama's: fused or ungated matrices, with sizes under keys of their own. Names and keys are those of each model's
// configuration and modeling files (transformers, src/transformers/models/*; chatglm, internlm2 and qwen from the files beside their weights).
import type { LinearKind, LinearShape, ModelShape } from './model-shape.ts';

type Config = Readonly<Record<string, unknown>>;

/** Said alike by all: what is read before the sizes. */
export type Named = Pick<ModelShape, 'architecture' | 'modelType' | 'dtype'> & { readonly tiedEmbeddings: boolean | null };

/** Where each size stands, and what the block is made of. */
interface Blocks {
  readonly hidden: readonly string[];
  readonly layers: readonly string[];
  readonly heads: readonly string[];
  readonly vocabulary: readonly string[];
  readonly positions: readonly string[];
  readonly tied: boolean;
  readonly width: (config: Config, hidden: number) => number | null;
  readonly kvHeads?: (config: Config, heads: number) => number;
  readonly headDim?: readonly string[];
  /** Up to the layer index. */
  readonly prefix: string;
  /** Roles and names of the linears, in the order of use. */
  readonly linears: readonly (readonly [LinearKind, string])[];
  readonly head: string;
}

const USUAL = {
  hidden: ['hidden_size'],
  layers: ['num_hidden_layers'],
  heads: ['num_attention_heads'],
  vocabulary: ['vocab_size'],
  positions: ['max_position_embeddings'],
};

const MODELS: Readonly<Record<string, Blocks>> = {
  opt: {
    ...USUAL,
    tied: true,
    width: (config) => count(config, ['ffn_dim']),
    prefix: 'model.decoder.layers.{i}',
    linears: [
      ['q_proj', 'self_attn.q_proj'],
      ['k_proj', 'self_attn.k_proj'],
      ['v_proj', 'self_attn.v_proj'],
      ['o_proj', 'self_attn.out_proj'],
      ['up_proj', 'fc1'],
      ['down_proj', 'fc2'],
    ],
    head: 'lm_head',
  },
  gpt2: {
    hidden: ['n_embd'],
    layers: ['n_layer'],
    heads: ['n_head'],
    vocabulary: ['vocab_size'],
    positions: ['n_positions', 'n_ctx'],
    tied: true,
    width: (config, hidden) => count(config, ['n_inner']) ?? 4 * hidden,
    prefix: 'transformer.h.{i}',
    linears: [
      ['qkv_proj', 'attn.c_attn'],
      ['o_proj', 'attn.c_proj'],
      ['up_proj', 'mlp.c_fc'],
      ['down_proj', 'mlp.c_proj'],
    ],
    head: 'lm_head',
  },
  gpt_neox: {
    ...USUAL,
    tied: false,
    width: (config) => count(config, ['intermediate_size']),
    prefix: 'gpt_neox.layers.{i}',
    linears: neox('attention'),
    head: 'embed_out',
  },
  bloom: {
    ...USUAL,
    hidden: ['hidden_size', 'n_embed'],
    layers: ['n_layer', 'num_hidden_layers'],
    heads: ['n_head', 'num_attention_heads'],
    positions: ['seq_length'],
    tied: true,
    width: (_, hidden) => 4 * hidden,
    prefix: 'transformer.h.{i}',
    linears: neox('self_attention'),
    head: 'lm_head',
  },
  falcon: {
    ...USUAL,
    layers: ['num_hidden_layers', 'n_layer'],
    heads: ['num_attention_heads', 'n_head'],
    tied: true,
    width: (config, hidden) => count(config, ['ffn_hidden_size']) ?? 4 * hidden,
    kvHeads: (config, heads) =>
      config['new_decoder_architecture'] === true ? (count(config, ['num_kv_heads', 'n_head_kv']) ?? heads) : config['multi_query'] === false ? heads : 1,
    prefix: 'transformer.h.{i}',
    linears: neox('self_attention'),
    head: 'lm_head',
  },
  chatglm: {
    hidden: ['hidden_size'],
    layers: ['num_layers'],
    heads: ['num_attention_heads'],
    vocabulary: ['padded_vocab_size'],
    positions: ['seq_length'],
    tied: false,
    width: (config) => count(config, ['ffn_hidden_size']),
    kvHeads: (config, heads) => (config['multi_query_attention'] === true ? (count(config, ['multi_query_group_num']) ?? heads) : heads),
    headDim: ['kv_channels'],
    prefix: 'transformer.encoder.layers.{i}',
    linears: [
      ['qkv_proj', 'self_attention.query_key_value'],
      ['o_proj', 'self_attention.dense'],
      ['gate_up_proj', 'mlp.dense_h_to_4h'],
      ['down_proj', 'mlp.dense_4h_to_h'],
    ],
    head: 'transformer.output_layer',
  },
  internlm2: {
    ...USUAL,
    tied: false,
    width: (config) => count(config, ['intermediate_size']),
    kvHeads: (config, heads) => count(config, ['num_key_value_heads']) ?? heads,
    prefix: 'model.layers.{i}',
    linears: [
      ['qkv_proj', 'attention.wqkv'],
      ['o_proj', 'attention.wo'],
      ['gate_proj', 'feed_forward.w1'],
      ['up_proj', 'feed_forward.w3'],
      ['down_proj', 'feed_forward.w2'],
    ],
    head: 'output',
  },
  qwen: {
    ...USUAL,
    positions: ['seq_length', 'max_position_embeddings'],
    tied: false,
    // The file states the sum of gate and up.
    width: (config) => {
      const both = count(config, ['intermediate_size']);
      return both === null ? null : Math.floor(both / 2);
    },
    headDim: ['kv_channels'],
    prefix: 'transformer.h.{i}',
    linears: [
      ['qkv_proj', 'attn.c_attn'],
      ['o_proj', 'attn.c_proj'],
      ['up_proj', 'mlp.w1'],
      ['gate_proj', 'mlp.w2'],
      ['down_proj', 'mlp.c_proj'],
    ],
    head: 'lm_head',
  },
};

function neox(attention: string): Blocks['linears'] {
  return [
    ['qkv_proj', `${attention}.query_key_value`],
    ['o_proj', `${attention}.dense`],
    ['up_proj', 'mlp.dense_h_to_4h'],
    ['down_proj', 'mlp.dense_4h_to_h'],
  ];
}

/** Null: the model is none of these. */
export function otherShape(modelType: string, config: Config, named: Named): ModelShape | { readonly reason: string } | null {
  const blocks = Object.hasOwn(MODELS, modelType) ? MODELS[modelType] : undefined;
  if (blocks === undefined) {
    return null;
  }
  const [hiddenSize, heads, vocabSize] = [blocks.hidden, blocks.heads, blocks.vocabulary].map((keys) => count(config, keys));
  const layers = layerCount(config, blocks.layers);
  const width = typeof hiddenSize === 'number' ? blocks.width(config, hiddenSize) : null;
  if (typeof hiddenSize !== 'number' || layers === null || typeof heads !== 'number' || typeof vocabSize !== 'number' || width === null) {
    const keys = [blocks.hidden, blocks.heads, blocks.vocabulary, ...(layers === null ? [blocks.layers] : [])].find(
      (one) => one === blocks.layers || count(config, one) === null,
    )?.[0];
    return { reason: `config.json: ${keys === undefined ? 'the size of the MLP' : `"${keys}"`} is not a positive integer.` };
  }
  const headDim = (blocks.headDim === undefined ? null : count(config, blocks.headDim)) ?? Math.floor(hiddenSize / heads);
  const base = {
    ...named,
    hiddenSize,
    intermediateSize: width,
    layers,
    heads,
    kvHeads: blocks.kvHeads?.(config, heads) ?? heads,
    headDim,
    vocabSize,
    tiedEmbeddings: named.tiedEmbeddings ?? blocks.tied,
    maxPositions: count(config, blocks.positions) ?? 2048,
    experts: 0,
  };
  const head: LinearShape = { kind: 'lm_head', module: blocks.head, in: hiddenSize, out: vocabSize, parallel: 'column', firstLayer: 0, endLayer: 0 };
  const linears = blocks.linears.map(([kind, name]) => linear(kind, `${blocks.prefix}.${name}`, base));
  return { ...base, linears: base.tiedEmbeddings ? linears : [...linears, head] };
}

function linear(kind: LinearKind, module: string, model: Omit<ModelShape, 'linears'>): LinearShape {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, layers } = model;
  const out: Readonly<Partial<Record<LinearKind, number>>> = {
    q_proj: heads * headDim,
    k_proj: kvHeads * headDim,
    v_proj: kvHeads * headDim,
    qkv_proj: (heads + 2 * kvHeads) * headDim,
    gate_proj: intermediateSize,
    up_proj: intermediateSize,
    gate_up_proj: 2 * intermediateSize,
  };
  const row = kind === 'o_proj' || kind === 'down_proj';
  const input = kind === 'o_proj' ? heads * headDim : kind === 'down_proj' ? intermediateSize : hiddenSize;
  return { kind, module, in: input, out: out[kind] ?? hiddenSize, parallel: row ? 'row' : 'column', firstLayer: 0, endLayer: layers };
}

/** The first of the keys that holds a positive integer. */
export function count(config: Config, keys: readonly string[]): number | null {
  for (const key of keys) {
    const value = config[key];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) {
      return value;
    }
  }
  return null;
}

/** No model has more blocks: what a damaged file says must not cost time or memory. */
const MOST_LAYERS = 10_000;

export function layerCount(config: Config, keys: readonly string[]): number | null {
  const layers = count(config, keys);
  return layers === null || layers > MOST_LAYERS ? null : layers;
}
