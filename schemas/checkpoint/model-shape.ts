// The shapes of a model as config.json states them: what a judge must know about a model, without its weights.

/** What a linear does; its own name is the last part of `module`. */
export type LinearKind =
  | 'q_proj'
  | 'k_proj'
  | 'v_proj'
  | 'o_proj'
  | 'qkv_proj'
  | 'q_a_proj'
  | 'q_b_proj'
  | 'kv_a_proj_with_mqa'
  | 'kv_b_proj'
  | 'gate_proj'
  | 'up_proj'
  | 'gate_up_proj'
  | 'down_proj'
  | 'lm_head';

export interface LinearShape {
  readonly kind: LinearKind;
  /** Module name with `{i}` for the layer index, e.g. model.layers.{i}.mlp.down_proj; the output matrix has none. */
  readonly module: string;
  readonly in: number;
  readonly out: number;
  /** Tensor parallelism: column splits `out`, row splits `in` (support-tables section 2.5); none: every device holds all of it. */
  readonly parallel: 'column' | 'row' | 'none';
  /** Decoder blocks [firstLayer, endLayer) have it; none has lm_head. */
  readonly firstLayer: number;
  readonly endLayer: number;
}

export interface ModelShape {
  /** architectures[0], e.g. LlamaForCausalLM. */
  readonly architecture: string;
  readonly modelType: string;
  readonly hiddenSize: number;
  /** Of a dense MLP; of one expert where all blocks are mixtures. */
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly tiedEmbeddings: boolean;
  readonly maxPositions: number;
  /** torch_dtype / dtype as written, e.g. bfloat16; null when absent. */
  readonly dtype: string | null;
  readonly experts: number;
  /** Linears inside the decoder blocks (and lm_head when untied). */
  readonly linears: readonly LinearShape[];
}
