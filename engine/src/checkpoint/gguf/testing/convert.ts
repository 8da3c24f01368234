// Test support: a Hugging Face model -> the GGUF file that llama.cpp's convert_hf_to_gguf.py makes of it. Names and changes are spelled here anew.
import type { GgufArchitecture } from '../config.ts';
import { type Entry, ggufFile, type TensorEntry } from './writer.ts';

export interface SourceTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
export type Config = Readonly<Record<string, unknown>>;

const numbers = (config: Config, key: string): number => Number(config[key]);

/** Tensors in F32 but for what `encode` makes of matrices. */
export function convert(
  architecture: GgufArchitecture,
  config: Config,
  tensors: ReadonlyMap<string, SourceTensor>,
  extra: readonly Entry[] = [],
  encode: (name: string, tensor: SourceTensor) => Pick<TensorEntry, 'type' | 'data'> = (_, tensor) => plain(tensor),
): Uint8Array {
  const entries: Entry[] = [['general.architecture', 'text', architecture], ...metadata(architecture, config), ...extra];
  const written = [...tensors].map(([name, tensor]): TensorEntry => {
    const changed = change(architecture, config, name, tensor);
    const own = ggufName(architecture, name);
    return { name: own, shape: changed.shape, ...(changed.shape.length > 1 ? encode(own, changed) : plain(changed)) };
  });
  const factors = ropeFactors(architecture, config);
  return ggufFile({ entries, tensors: [...written, ...factors] });
}

export function plain({ values }: SourceTensor): Pick<TensorEntry, 'type' | 'data'> {
  return { type: 0, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

function metadata(architecture: GgufArchitecture, config: Config): Entry[] {
  const of = (key: string): string => `${architecture}.${key}`;
  if (architecture === 'gpt2') {
    return [
      [of('context_length'), 'u32', numbers(config, 'n_positions')],
      [of('embedding_length'), 'u32', numbers(config, 'n_embd')],
      [of('block_count'), 'u32', numbers(config, 'n_layer')],
      [of('feed_forward_length'), 'u32', 4 * numbers(config, 'n_embd')],
      [of('attention.head_count'), 'u32', numbers(config, 'n_head')],
      [of('attention.layer_norm_epsilon'), 'f32', 1e-5],
    ];
  }
  const hidden = numbers(config, 'hidden_size');
  const heads = numbers(config, 'num_attention_heads');
  const headDim = Number(config['head_dim'] ?? hidden / heads);
  const common: Entry[] = [
    [of('context_length'), 'u32', numbers(config, 'max_position_embeddings')],
    [of('embedding_length'), 'u32', hidden],
    [of('block_count'), 'u32', numbers(config, 'num_hidden_layers')],
    [of('feed_forward_length'), 'u32', numbers(config, 'intermediate_size')],
    [of('attention.head_count'), 'u32', heads],
  ];
  if (architecture === 'gptneox') {
    return [
      ...common,
      [of('rope.dimension_count'), 'u32', Math.floor(headDim * numbers(config, 'rotary_pct'))],
      [of('use_parallel_residual'), 'bool', config['use_parallel_residual'] === true],
      [of('attention.layer_norm_epsilon'), 'f32', 1e-5],
    ];
  }
  const scaling = config['rope_scaling'] as Config | undefined;
  const optional = (key: string, from: string): Entry[] => (config[from] === undefined ? [] : [[of(key), 'f32', numbers(config, from)]]);
  return [
    ...common,
    [of('attention.head_count_kv'), 'u32', numbers(config, 'num_key_value_heads')],
    [of('attention.key_length'), 'u32', headDim],
    [of('attention.value_length'), 'u32', headDim],
    [of('attention.layer_norm_rms_epsilon'), 'f32', Math.fround(numbers(config, 'rms_norm_eps'))],
    [of('rope.freq_base'), 'f32', Number(config['rope_theta'] ?? 10_000)],
    [of('rope.dimension_count'), 'u32', Math.floor(headDim * Number(config['partial_rotary_factor'] ?? 1))],
    ...(config['sliding_window'] === undefined ? [] : [[of('attention.sliding_window'), 'u32', numbers(config, 'sliding_window')] as const]),
    ...optional('attn_logit_softcapping', 'attn_logit_softcapping'),
    ...optional('final_logit_softcapping', 'final_logit_softcapping'),
    ...(scaling?.['rope_type'] === 'linear' || scaling?.['rope_type'] === 'yarn'
      ? ([
          [of('rope.scaling.type'), 'text', String(scaling['rope_type'])],
          [of('rope.scaling.factor'), 'f32', numbers(scaling, 'factor')],
        ] as const)
      : []),
    ...(scaling?.['original_max_position_embeddings'] === undefined
      ? []
      : [[of('rope.scaling.original_context_length'), 'u32', numbers(scaling, 'original_max_position_embeddings')] as const]),
    ...(scaling?.['attention_factor'] === undefined ? [] : [[of('rope.scaling.attn_factor'), 'f32', numbers(scaling, 'attention_factor')] as const]),
  ];
}

function ropeFactors(architecture: GgufArchitecture, config: Config): TensorEntry[] {
  const scaling = config['rope_scaling'] as Config | undefined;
  const list = scaling?.['short_factor'];
  if (!Array.isArray(list)) return [];
  const names = architecture === 'phi3' ? ['rope_factors_short.weight', 'rope_factors_long.weight'] : ['rope_freqs.weight'];
  return names.map((name) => ({ name, shape: [list.length], ...plain({ shape: [list.length], values: Float32Array.from(list, Number) }) }));
}

function ggufName(architecture: GgufArchitecture, name: string): string {
  const replaced = name
    .replace(/^model\.layers\.(\d+)|^transformer\.h\.(\d+)|^gpt_neox\.layers\.(\d+)/, (_, a, b, c) => `blk.${a ?? b ?? c}`)
    .replace(/^model\.embed_tokens|^transformer\.wte|^gpt_neox\.embed_in/, 'token_embd')
    .replace(/^transformer\.wpe/, 'position_embd')
    .replace(/^model\.norm|^transformer\.ln_f|^gpt_neox\.final_layer_norm/, 'output_norm')
    .replace(/^lm_head|^embed_out/, 'output')
    .replace(/self_attn\.([qkv])_proj/, 'attn_$1')
    .replace(/self_attn\.([qk])_norm/, 'attn_$1_norm')
    .replace(/self_attn\.qkv_proj|attn\.c_attn|attention\.query_key_value/, 'attn_qkv')
    .replace(/self_attn\.o_proj|attn\.c_proj|attention\.dense/, 'attn_output')
    .replace(/mlp\.gate_up_proj|mlp\.up_proj|mlp\.c_fc|mlp\.dense_h_to_4h/, 'ffn_up')
    .replace(/mlp\.gate_proj/, 'ffn_gate')
    .replace(/mlp\.down_proj|mlp\.c_proj|mlp\.dense_4h_to_h/, 'ffn_down')
    .replace(/input_layernorm|ln_1/, 'attn_norm');
  if (architecture === 'gemma2' || architecture === 'gemma3') {
    return replaced
      .replace('post_attention_layernorm', 'post_attention_norm')
      .replace('pre_feedforward_layernorm', 'ffn_norm')
      .replace('post_feedforward_layernorm', 'post_ffw_norm');
  }
  return replaced.replace(/post_attention_layernorm|ln_2/, 'ffn_norm');
}

function change(architecture: GgufArchitecture, config: Config, name: string, tensor: SourceTensor): SourceTensor {
  const { shape, values } = tensor;
  const [rows = 1, cols = 1] = shape;
  if (architecture.startsWith('gemma') && name.endsWith('norm.weight')) return { shape, values: values.map((value) => value + 1) };
  if (architecture === 'llama' && /[qk]_proj/.test(name)) return rowsBy(tensor, interleave(rows, numbers(config, 'head_dim')));
  if (architecture === 'gpt2' && /(c_attn|c_proj|c_fc)\.weight$/.test(name))
    return { shape: [cols, rows], values: Float32Array.from(values, (_, index) => values[(index % rows) * cols + Math.floor(index / rows)] ?? 0) };
  if (architecture === 'gptneox' && name.includes('query_key_value')) {
    const heads = numbers(config, 'num_attention_heads');
    const headDim = rows / 3 / heads;
    // [head][q, k, v][i] -> [q, k, v][head][i]
    return rowsBy(
      tensor,
      Array.from({ length: rows }, (_, row) => {
        const [part, head, at] = [Math.floor(row / (heads * headDim)), Math.floor(row / headDim) % heads, row % headDim];
        return (head * 3 + part) * headDim + at;
      }),
    );
  }
  return tensor;
}

/** Of every head: row i and row i + headDim / 2 side by side. */
export function interleave(rows: number, headDim: number): number[] {
  return Array.from({ length: rows }, (_, row) => row - (row % headDim) + Math.floor((row % headDim) / 2) + (row % 2) * (headDim / 2));
}

/** Row r of the result is row from[r]. Vectors are one column. */
export function rowsBy({ shape, values }: SourceTensor, from: readonly number[]): SourceTensor {
  const width = values.length / from.length;
  const out = new Float32Array(values.length);
  for (const [row, source] of from.entries()) out.set(values.subarray(source * width, (source + 1) * width), row * width);
  return { shape, values: out };
}
