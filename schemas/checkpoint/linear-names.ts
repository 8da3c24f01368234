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
}

const LLAMA: Family = {
  mlp: 'mlp',
  expert: 'mlp.experts.{e}',
  sharedExpert: 'mlp.shared_expert',
  attention: 'plain',
  tiedByDefault: false,
  expertNames: { gate_proj: 'gate_proj', up_proj: 'up_proj', down_proj: 'down_proj' },
};
const MIXTRAL: Family = {
  ...LLAMA,
  expert: 'block_sparse_moe.experts.{e}',
  expertNames: { gate_proj: 'w1', up_proj: 'w3', down_proj: 'w2' },
};
const DEEPSEEK: Family = { ...LLAMA, sharedExpert: 'mlp.shared_experts', attention: 'latent' };
const GEMMA: Family = { ...LLAMA, tiedByDefault: true };

/** Only architectures with gate and up projections apart, and with separate q, k and v or the latent ones of DeepSeek. */
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
  gemma3_text: GEMMA,
  qwen2_vl_text: LLAMA,
  qwen2_5_vl_text: LLAMA,
};

export function familyOf(modelType: string): Family | null {
  return Object.hasOwn(FAMILIES, modelType) ? (FAMILIES[modelType] ?? null) : null;
}
