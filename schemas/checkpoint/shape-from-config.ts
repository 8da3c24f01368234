// config.json of a model -> ModelShape, for the architectures whose linears are known by name. Says why when it cannot; never guesses.
import { parseJson } from '../document/json.ts';
import { familyOf, linearsOf } from './linear-names.ts';
import type { ModelShape } from './model-shape.ts';

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
  if (family === null) {
    return { reason: `The linears of model_type "${modelType}" are not known, so sizes are not checked.` };
  }
  const sizes = readSizes(inner);
  if ('reason' in sizes) {
    return sizes;
  }
  const architectures = value['architectures'];
  const experts = count(inner, ['num_local_experts', 'num_experts', 'n_routed_experts']) ?? 0;
  const expertSize = count(inner, ['moe_intermediate_size']);
  const tied = inner['tie_word_embeddings'] ?? value['tie_word_embeddings'];
  const base = {
    ...sizes,
    architecture: (Array.isArray(architectures) ? textOf(architectures[0]) : null) ?? '',
    modelType,
    intermediateSize: experts > 0 && expertSize !== null ? expertSize : sizes.intermediateSize,
    tiedEmbeddings: typeof tied === 'boolean' ? tied : family.tiedByDefault,
    dtype: textOf(inner['torch_dtype']) ?? textOf(inner['dtype']) ?? textOf(value['torch_dtype']) ?? textOf(value['dtype']),
    experts,
  };
  return { ...base, linears: linearsOf(family, base) };
}

type Sizes = Pick<ModelShape, 'hiddenSize' | 'intermediateSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'vocabSize' | 'maxPositions'>;

function readSizes(config: Readonly<Record<string, unknown>>): Sizes | { readonly reason: string } {
  const required = {
    hidden_size: count(config, ['hidden_size']),
    intermediate_size: count(config, ['intermediate_size']),
    num_hidden_layers: count(config, ['num_hidden_layers']),
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

function count(config: Readonly<Record<string, unknown>>, keys: readonly string[]): number | null {
  for (const key of keys) {
    const value = config[key];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) {
      return value;
    }
  }
  return null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
