// Metadata of a GGUF file -> the config.json that the same model has on Hugging Face, for the architectures that run. Names and meanings of the keys:
// llama.cpp, gguf-py/gguf/constants.py :: Keys and src/llama-model.cpp :: load_hparams. What conversion folds into the weights (Gemma's norms, the order of
// fused matrices) is undone in the traits, not here (model/gguf.ts).
import { EngineError } from '../../errors.ts';
import type { JsonObject } from '../json-file.ts';
import { spell } from '../spell.ts';
import type { GgufModel } from './file.ts';

export type GgufArchitecture = 'llama' | 'qwen2' | 'qwen3' | 'phi3' | 'gemma' | 'gemma2' | 'gemma3' | 'gpt2' | 'gptneox';

const names: Readonly<Record<GgufArchitecture, { readonly name: string; readonly modelType: string }>> = {
  llama: { name: 'LlamaForCausalLM', modelType: 'llama' },
  qwen2: { name: 'Qwen2ForCausalLM', modelType: 'qwen2' },
  qwen3: { name: 'Qwen3ForCausalLM', modelType: 'qwen3' },
  phi3: { name: 'Phi3ForCausalLM', modelType: 'phi3' },
  gemma: { name: 'GemmaForCausalLM', modelType: 'gemma' },
  gemma2: { name: 'Gemma2ForCausalLM', modelType: 'gemma2' },
  gemma3: { name: 'Gemma3ForCausalLM', modelType: 'gemma3_text' },
  gpt2: { name: 'GPT2LMHeadModel', modelType: 'gpt2' },
  gptneox: { name: 'GPTNeoXForCausalLM', modelType: 'gpt_neox' },
};

/** Throws kind `checkpoint`, naming the architecture and those that run. */
export function ggufArchitecture(model: GgufModel): GgufArchitecture {
  const { metadata } = model;
  const named = metadata.text('general.architecture') ?? metadata.refuse('general.architecture', 'the name of an architecture');
  if (isRunning(named)) return named;
  throw new EngineError('checkpoint', `${metadata.file}: the architecture ${spell(named)} cannot run here; those that run: ${Object.keys(names).join(', ')}`, {
    file: metadata.file,
  });
}

function isRunning(name: string): name is GgufArchitecture {
  return Object.hasOwn(names, name);
}

/** Divisors of the rotation's frequencies that a file holds as a tensor; null without it. */
export type RopeFactors = readonly number[] | null;

/** Throws kind `checkpoint`, naming the key that is missing or cannot run. */
export function ggufConfig(model: GgufModel, ropeFactors: RopeFactors): JsonObject {
  const { metadata, tensors } = model;
  const architecture = ggufArchitecture(model);
  const key = (name: string): string => `${architecture}.${name}`;
  const size = (name: string): number => metadata.count(key(name)) || metadata.refuse(key(name), 'an integer from 1');
  if ((metadata.count(key('expert_count')) ?? 0) > 0) {
    throw new EngineError('checkpoint', `${metadata.file}: a mixture of ${metadata.count(key('expert_count'))} experts cannot run here; dense models can`, {
      file: metadata.file,
    });
  }
  const table = tensors.get('token_embd.weight');
  if (table === undefined)
    throw new EngineError('checkpoint', `${model.path} has no tensor token_embd.weight`, { file: model.path, tensor: 'token_embd.weight' });
  const hidden = size('embedding_length');
  const layers = size('block_count');
  const heads = size('attention.head_count');
  const headDim = metadata.count(key('attention.key_length')) ?? Math.floor(hidden / heads);
  const valueDim = metadata.count(key('attention.value_length')) ?? headDim;
  if (valueDim !== headDim) metadata.refuse(key('attention.value_length'), `the ${headDim} of attention.key_length: heads of two sizes cannot run here`);
  const rotated = metadata.count(key('rope.dimension_count')) ?? headDim;
  const epsilon = metadata.number(key('attention.layer_norm_rms_epsilon')) ?? metadata.number(key('attention.layer_norm_epsilon'));
  const base = {
    architectures: [names[architecture].name],
    model_type: names[architecture].modelType,
    vocab_size: table.shape[0] ?? 0,
    tie_word_embeddings: !tensors.has('output.weight'),
  };
  if (architecture === 'gpt2') {
    return {
      ...base,
      n_embd: hidden,
      n_layer: layers,
      n_head: heads,
      n_positions: size('context_length'),
      n_inner: size('feed_forward_length'),
      layer_norm_epsilon: epsilon ?? 1e-5,
      activation_function: 'gelu_new',
    };
  }
  const common = {
    ...base,
    hidden_size: hidden,
    intermediate_size: size('feed_forward_length'),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    max_position_embeddings: size('context_length'),
  };
  const theta = metadata.number(key('rope.freq_base')) ?? 10_000;
  if (architecture === 'gptneox') {
    return {
      ...common,
      layer_norm_eps: epsilon ?? 1e-5,
      rotary_emb_base: theta,
      rotary_pct: share(rotated, headDim),
      use_parallel_residual: metadata.flag(key('use_parallel_residual')) ?? true,
      hidden_act: 'gelu',
    };
  }
  return {
    ...common,
    num_key_value_heads: metadata.count(key('attention.head_count_kv')) ?? heads,
    head_dim: headDim,
    rms_norm_eps: epsilon ?? metadata.refuse(key('attention.layer_norm_rms_epsilon'), 'a number in [0, 1)'),
    rope_theta: theta,
    rope_scaling: scaling(model, architecture, common.max_position_embeddings, ropeFactors),
    // Left out where all of a head is rotated: most architectures cannot rotate a part.
    ...(rotated === headDim ? {} : { partial_rotary_factor: share(rotated, headDim) }),
    ...(architecture === 'phi3' ? phi(model) : {}),
    ...(architecture === 'gemma' ? { hidden_activation: 'gelu_pytorch_tanh' } : {}),
    ...(architecture === 'gemma2' || architecture === 'gemma3' ? gemma(model, architecture, { hidden, heads, headDim, layers }) : {}),
  };
}

/** A little more than the quotient, so that rounding down the product gives `rotated` again. */
function share(rotated: number, headDim: number): number {
  return rotated === headDim ? 1 : (rotated + 0.25) / headDim;
}

/** Files of llama.cpp have no sliding window for Phi-3's early conversions: then there is none. */
function phi({ metadata }: GgufModel): JsonObject {
  const window = metadata.count('phi3.attention.sliding_window') ?? 0;
  return { sliding_window: window > 0 ? window : null };
}

/**
 * The scale of queries is not in the file. It is the head dimension but for the 27B models, where it is hidden / heads
 * (llama.cpp, src/llama-model.cpp :: load_hparams, cases LLM_ARCH_GEMMA2 and LLM_ARCH_GEMMA3, which know them by 46 and 62 layers).
 */
function gemma(
  { metadata }: GgufModel,
  architecture: 'gemma2' | 'gemma3',
  sizes: { readonly hidden: number; readonly heads: number; readonly headDim: number; readonly layers: number },
): JsonObject {
  const largest = sizes.layers === (architecture === 'gemma2' ? 46 : 62);
  const number = (name: string): number | null => metadata.number(`${architecture}.${name}`);
  return {
    hidden_activation: 'gelu_pytorch_tanh',
    query_pre_attn_scalar: largest ? sizes.hidden / sizes.heads : sizes.headDim,
    sliding_window: number('attention.sliding_window') ?? (architecture === 'gemma2' ? 4_096 : 1_024),
    attn_logit_softcapping: number('attn_logit_softcapping') ?? (architecture === 'gemma2' ? 50 : null),
    final_logit_softcapping: number('final_logit_softcapping') ?? (architecture === 'gemma2' ? 30 : null),
    ...(architecture === 'gemma3' ? { rope_local_base_freq: number('rope.freq_base_swa') ?? 10_000, sliding_window_pattern: 6 } : {}),
  };
}

function scaling({ metadata }: GgufModel, architecture: GgufArchitecture, positions: number, factors: RopeFactors): JsonObject | null {
  const key = (name: string): string => `${architecture}.rope.${name}`;
  const original = metadata.count(key('scaling.original_context_length'));
  const attention = metadata.number(key('scaling.attn_factor'));
  // The rotation's divisors by pair are what longrope calls its short factors; Llama 3's files hold theirs ready.
  if (factors !== null) {
    return {
      rope_type: 'longrope',
      short_factor: factors,
      original_max_position_embeddings: architecture === 'phi3' ? (original ?? positions) : positions,
      attention_factor: attention ?? 1,
    };
  }
  const type = metadata.text(key('scaling.type')) ?? (metadata.number(key('scale_linear')) === null ? 'none' : 'linear');
  const factor = metadata.number(key('scaling.factor')) ?? metadata.number(key('scale_linear')) ?? 1;
  if (type === 'none' || factor === 1 || factor === 0) return null;
  if (type === 'linear') return { rope_type: 'linear', factor };
  if (type === 'yarn') {
    const stated = (name: string, as: string): JsonObject => {
      const value = metadata.number(key(`scaling.${name}`));
      return value === null ? {} : { [as]: value };
    };
    return {
      rope_type: 'yarn',
      factor,
      ...(original === null ? {} : { original_max_position_embeddings: original }),
      ...stated('yarn_beta_fast', 'beta_fast'),
      ...stated('yarn_beta_slow', 'beta_slow'),
      attention_factor: (attention ?? 1) * (1 + 0.1 * Math.log(factor)),
    };
  }
  return metadata.refuse(key('scaling.type'), 'none, linear or yarn');
}
