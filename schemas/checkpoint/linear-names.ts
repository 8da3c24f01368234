// Module names of the linears of each architecture family, as their checkpoints spell them (transformers, src/transformers/models/*).

export interface Family {
  /** MLP modules of a dense block. */
  readonly mlp: string;
  /** MLP modules of a mixture-of-experts block, `{e}` for the expert. */
  readonly expert: string;
  /** The expert that every token passes, beside the chosen ones. */
  readonly sharedExpert: string;
  readonly expertNames: Readonly<Record<'gate_proj' | 'up_proj' | 'down_proj', string>>;
  /** latent: keys and values come from one low-rank projection (DeepSeek-V2, section 2.1). */
  readonly attention: 'plain' | 'latent';
  readonly tiedByDefault: boolean;
  /** q, k and v are one matrix (qkv_proj, W_pack); null: three. */
  readonly fusedAttention: string | null;
  /** gate and up are one matrix, gate_up_proj. */
  readonly fusedMlp: boolean;
  /** Sizes that config.json may leave out, as the configuration class fills them. */
  readonly defaults: Readonly<Record<string, number>>;
}

const LLAMA: Family = {
  mlp: 'mlp',
  expert: 'mlp.experts.{e}',
  sharedExpert: 'mlp.shared_expert',
  attention: 'plain',
  tiedByDefault: false,
  fusedAttention: null,
  fusedMlp: false,
  defaults: {},
  expertNames: { gate_proj: 'gate_proj', up_proj: 'up_proj', down_proj: 'down_proj' },
};
const MIXTRAL: Family = {
  ...LLAMA,
  expert: 'block_sparse_moe.experts.{e}',
  expertNames: { gate_proj: 'w1', up_proj: 'w3', down_proj: 'w2' },
};
const DEEPSEEK: Family = { ...LLAMA, sharedExpert: 'mlp.shared_experts', attention: 'latent' };
const GEMMA: Family = { ...LLAMA, tiedByDefault: true };
/** configuration_gemma3.py :: Gemma3TextConfig */
const GEMMA3: Family = { ...GEMMA, defaults: { num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256, vocab_size: 262208 } };
const PHI3: Family = { ...LLAMA, fusedAttention: 'qkv_proj', fusedMlp: true };
const GLM4: Family = { ...LLAMA, fusedMlp: true };
const GLM4_MOE: Family = { ...LLAMA, sharedExpert: 'mlp.shared_experts' };
const BAICHUAN: Family = { ...LLAMA, fusedAttention: 'W_pack' };

/** Architectures whose blocks are Llama's, with matrices fused or mixtures of experts; the others are in other-blocks.ts. */
const FAMILIES: Readonly<Record<string, Family>> = {
  llama: LLAMA,
  mistral: LLAMA,
  qwen2: LLAMA,
  qwen3: LLAMA,
  qwen2_moe: LLAMA,
  qwen3_moe: LLAMA,
  olmo: LLAMA,
  olmo2: LLAMA,
  granite: LLAMA,
  smollm3: LLAMA,
  stablelm: LLAMA,
  ministral: LLAMA,
  mixtral: MIXTRAL,
  deepseek_v2: DEEPSEEK,
  deepseek_v3: DEEPSEEK,
  gemma: GEMMA,
  gemma2: GEMMA,
  gemma3: GEMMA3,
  gemma3_text: GEMMA3,
  qwen2_vl: LLAMA,
  qwen2_vl_text: LLAMA,
  qwen2_5_vl: LLAMA,
  qwen2_5_vl_text: LLAMA,
  qwen3_vl: LLAMA,
  qwen3_vl_text: LLAMA,
  mistral3: LLAMA,
  cohere: GEMMA,
  cohere2: GEMMA,
  phi3: PHI3,
  glm: GLM4,
  glm4: GLM4,
  glm4_moe: GLM4_MOE,
  baichuan: BAICHUAN,
};

export function familyOf(modelType: string): Family | null {
  return Object.hasOwn(FAMILIES, modelType) ? (FAMILIES[modelType] ?? null) : null;
}
