// config.json of a model -> ModelShape, for the architectures whose linears are known by name. Says why when it cannot; never guesses.
import { parseJson } from '../document/json.ts';
import { familyOf } from './linear-names.ts';
import { type LatentSizes, linearsOf, type MixtureSizes } from './linears.ts';
import type { ModelShape } from './model-shape.ts';
import { count, layerCount, type Named, otherShape } from './other-blocks.ts';

export type ShapeResult = ModelShape | { readonly reason: string };

export function isShape(result: ShapeResult): result is ModelShape {
  return !('reason' in result);
}

/** `config`: the text of config.json or its parsed value. Multimodal files are read through their `text_config`. */
export function modelShapeFromConfig(config: unknown): ShapeResult {
  const value = typeof config === 'string' ? parseJson(config).root?.value : config;
  if (!isRecord(value)) {
    return { reason: 'config.json is not a JSON object.' };
  }
  const inner = isRecord(value['text_config']) && value['hidden_size'] === undefined ? value['text_config'] : value;
  const modelType = textOf(inner['model_type']) ?? textOf(value['model_type']);
  if (modelType === null) {
    return { reason: 'config.json has no model_type.' };
  }
  const family = familyOf(modelType);
  const named = namesOf(value, inner, modelType);
  if (family === null) {
    return otherShape(modelType, inner, named) ?? { reason: `the linears of model_type "${modelType}" are not known.` };
  }
  const sizes = readSizes({ ...family.defaults, ...inner });
  if ('reason' in sizes) {
    return sizes;
  }
  const latent = family.attention === 'latent' ? readLatent(inner) : null;
  if (latent !== null && 'reason' in latent) {
    return latent;
  }
  const experts = count(inner, ['num_local_experts', 'num_experts', 'n_routed_experts']) ?? 0;
  const mixture = experts > 0 ? readMixture(inner, sizes) : null;
  const base = {
    ...sizes,
    ...named,
    intermediateSize: mixture?.denseLayers.length === 0 ? mixture.expert : sizes.intermediateSize,
    tiedEmbeddings: named.tiedEmbeddings ?? family.tiedByDefault,
    experts,
  };
  return { ...base, linears: linearsOf(family, base, latent, mixture) };
}

type Config = Readonly<Record<string, unknown>>;

/** What files of all architectures say alike. */
function namesOf(value: Config, inner: Config, modelType: string): Named {
  const architectures = value['architectures'];
  const tied = inner['tie_word_embeddings'] ?? value['tie_word_embeddings'];
  return {
    modelType,
    architecture: (Array.isArray(architectures) ? textOf(architectures[0]) : null) ?? '',
    tiedEmbeddings: typeof tied === 'boolean' ? tied : null,
    dtype: textOf(inner['torch_dtype']) ?? textOf(inner['dtype']) ?? textOf(value['torch_dtype']) ?? textOf(value['dtype']),
  };
}

type Sizes = Pick<ModelShape, 'hiddenSize' | 'intermediateSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'vocabSize' | 'maxPositions'>;

function readSizes(config: Config): Sizes | { readonly reason: string } {
  const required = {
    hidden_size: count(config, ['hidden_size']),
    intermediate_size: count(config, ['intermediate_size']),
    num_hidden_layers: layerCount(config, ['num_hidden_layers']),
    num_attention_heads: count(config, ['num_attention_heads']),
    vocab_size: count(config, ['vocab_size']),
  };
  for (const [key, size] of Object.entries(required)) {
    if (size === null) {
      return { reason: `config.json: "${key}" is not a positive integer.` };
    }
  }
  const hiddenSize = required.hidden_size ?? 0;
  const heads = required.num_attention_heads ?? 1;
  return {
    hiddenSize,
    heads,
    intermediateSize: required.intermediate_size ?? 0,
    layers: required.num_hidden_layers ?? 0,
    kvHeads: count(config, ['num_key_value_heads']) ?? heads,
    headDim: count(config, ['head_dim']) ?? Math.floor(hiddenSize / heads),
    vocabSize: required.vocab_size ?? 0,
    maxPositions: count(config, ['max_position_embeddings']) ?? 2048,
  };
}

/** Keys of DeepSeek's config.json (transformers, configuration_deepseek_v2.py). */
function readLatent(config: Config): LatentSizes | { readonly reason: string } {
  const required = { kv_lora_rank: 0, qk_nope_head_dim: 0, qk_rope_head_dim: 0, v_head_dim: 0 };
  for (const key of Object.keys(required) as (keyof typeof required)[]) {
    const size = count(config, [key]);
    if (size === null) {
      return { reason: `config.json: "${key}" is not a positive integer.` };
    }
    required[key] = size;
  }
  return {
    queryRank: count(config, ['q_lora_rank']),
    keyRank: required.kv_lora_rank,
    nopeDim: required.qk_nope_head_dim,
    ropeDim: required.qk_rope_head_dim,
    valueDim: required.v_head_dim,
  };
}

/** DeepSeek and GLM count shared experts of one expert's size; Qwen2-MoE names the size of its one. */
function readMixture(config: Config, sizes: Sizes): MixtureSizes {
  const expert = count(config, ['moe_intermediate_size']) ?? sizes.intermediateSize;
  return {
    expert,
    shared: count(config, ['shared_expert_intermediate_size']) ?? expert * (count(config, ['n_shared_experts']) ?? 0),
    denseLayers: Array.from({ length: sizes.layers }, (_, layer) => layer).filter((layer) => isDense(config, layer)),
  };
}

/** DeepSeek: leading blocks, and those between every n-th (modeling_deepseek_v2.py). Qwen-MoE: listed blocks, and likewise (modeling_qwen3_moe.py). */
function isDense(config: Config, layer: number): boolean {
  const leading = count(config, ['first_k_dense_replace']) ?? 0;
  const frequency = count(config, ['moe_layer_freq']) ?? 1;
  const step = count(config, ['decoder_sparse_step']) ?? 1;
  const listed = config['mlp_only_layers'];
  return layer < leading || layer % frequency !== 0 || (layer + 1) % step !== 0 || (Array.isArray(listed) && listed.includes(layer));
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
