// Module names of Hugging Face's models -> tensor names of GGUF files (llama.cpp, gguf-py/gguf/tensor_mapping.py).
import type { GgufArchitecture } from './config.ts';

const llama: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  // Both in one, under the name of the second.
  'mlp.gate_up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

/** Gemma 2 and 3 norm behind attention and MLP too. */
const sandwich: Readonly<Record<string, string>> = {
  ...llama,
  post_attention_layernorm: 'post_attention_norm',
  pre_feedforward_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
};

const gpt2: Readonly<Record<string, string>> = {
  ln_1: 'attn_norm',
  'attn.c_attn': 'attn_qkv',
  'attn.c_proj': 'attn_output',
  ln_2: 'ffn_norm',
  'mlp.c_fc': 'ffn_up',
  'mlp.c_proj': 'ffn_down',
};

const neox: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'attention.query_key_value': 'attn_qkv',
  'attention.dense': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.dense_h_to_4h': 'ffn_up',
  'mlp.dense_4h_to_h': 'ffn_down',
};

const outside: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  'transformer.wte': 'token_embd',
  'transformer.wpe': 'position_embd',
  'transformer.ln_f': 'output_norm',
  'gpt_neox.embed_in': 'token_embd',
  'gpt_neox.final_layer_norm': 'output_norm',
  embed_out: 'output',
};

const blocks: Readonly<Record<GgufArchitecture, Readonly<Record<string, string>>>> = {
  llama,
  qwen2: llama,
  qwen3: llama,
  phi3: llama,
  gemma: llama,
  gemma2: sandwich,
  gemma3: sandwich,
  gpt2,
  gptneox: neox,
};

/** `module`: without `.weight` or `.bias`. Throws for a module that no architecture here has. */
export function ggufModule(architecture: GgufArchitecture, module: string): string {
  const inBlock = /^(?:model\.layers|transformer\.h|gpt_neox\.layers)\.(\d+)\.(.+)$/.exec(module);
  const name = inBlock === null ? outside[module] : blocks[architecture][inBlock[2] ?? ''];
  if (name === undefined) throw new Error(`no GGUF name for module ${module} of ${architecture}`);
  return inBlock === null ? name : `blk.${inBlock[1]}.${name}`;
}
