// Module names of the linears of each architecture family, as their checkpoints spell them (transformers, src/transformers/models/*).
import type { LinearKind, LinearShape, ModelShape } from './model-shape.ts';

export interface Family {
  /** MLP modules of a dense block. */
  readonly mlp: string;
  /** MLP modules of a mixture-of-experts block, `{e}` for the expert. */
  readonly expert: string;
  readonly expertNames: Readonly<Record<'gate_proj' | 'up_proj' | 'down_proj', string>>;
  readonly tiedByDefault: boolean;
}

const LLAMA: Family = {
  mlp: 'mlp',
  expert: 'mlp.experts.{e}',
  tiedByDefault: false,
  expertNames: { gate_proj: 'gate_proj', up_proj: 'up_proj', down_proj: 'down_proj' },
};
const MIXTRAL: Family = {
  ...LLAMA,
  expert: 'block_sparse_moe.experts.{e}',
  expertNames: { gate_proj: 'w1', up_proj: 'w3', down_proj: 'w2' },
};
const GEMMA: Family = { ...LLAMA, tiedByDefault: true };

/** Only architectures with separate q, k, v, gate and up projections of these names. */
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
  gemma: GEMMA,
  gemma2: GEMMA,
  gemma3_text: GEMMA,
  qwen2_vl_text: LLAMA,
  qwen2_5_vl_text: LLAMA,
};

export function familyOf(modelType: string): Family | null {
  return Object.hasOwn(FAMILIES, modelType) ? (FAMILIES[modelType] ?? null) : null;
}

/** Linears of one decoder block and, when it is not tied, lm_head. */
export function linearsOf(family: Family, model: Omit<ModelShape, 'linears'>): readonly LinearShape[] {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, experts } = model;
  const attention = (kind: LinearKind, input: number, output: number, parallel: LinearShape['parallel']): LinearShape => ({
    kind,
    module: `model.layers.{i}.self_attn.${kind}`,
    in: input,
    out: output,
    parallel,
  });
  const mlp = (kind: 'gate_proj' | 'up_proj' | 'down_proj', input: number, output: number): LinearShape => ({
    kind,
    in: input,
    out: output,
    parallel: kind === 'down_proj' ? 'row' : 'column',
    module: `model.layers.{i}.${experts > 0 ? `${family.expert}.${family.expertNames[kind]}` : `${family.mlp}.${kind}`}`,
  });
  const block = [
    attention('q_proj', hiddenSize, heads * headDim, 'column'),
    attention('k_proj', hiddenSize, kvHeads * headDim, 'column'),
    attention('v_proj', hiddenSize, kvHeads * headDim, 'column'),
    attention('o_proj', heads * headDim, hiddenSize, 'row'),
    mlp('gate_proj', hiddenSize, intermediateSize),
    mlp('up_proj', hiddenSize, intermediateSize),
    mlp('down_proj', intermediateSize, hiddenSize),
  ];
  const head: LinearShape = { kind: 'lm_head', module: 'lm_head', in: hiddenSize, out: model.vocabSize, parallel: 'column' };
  return model.tiedEmbeddings ? block : [...block, head];
}
