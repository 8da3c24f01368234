// A Llama checkpoint with random weights that takes seconds to quantize, and writes slowly, for what happens in the middle of a job or an answer (cancel, stop, kill).
// It is a real checkpoint of a real architecture; only its words mean nothing. Written in slices, so memory stays small.
import { cp, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface LargeModelShape {
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
}

/** 0.65 GB in bf16: seconds per job and tens of milliseconds per token on any machine these tests run on. */
export const largeModelShape: LargeModelShape = { hidden: 2048, intermediate: 5632, layers: 6 };

const vocabulary = 8192;
const bytesPerValue = 2;
/** Values that are drawn once and written again and again: quantization costs the same whatever they are. */
const patternValues = 1 << 20;

/** Writes the model to `dir`; the tokenizer is that of `tokenizerFrom` (a model with an 8192-entry vocabulary). */
export async function writeLargeModel(dir: string, tokenizerFrom: string, shape: LargeModelShape = largeModelShape): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']) await cp(join(tokenizerFrom, name), join(dir, name));
  await writeFile(join(dir, 'config.json'), JSON.stringify(configOf(shape), null, 2));

  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, dims] of tensorsOf(shape)) {
    const bytes = dims.reduce((product, size) => product * size, bytesPerValue);
    header[name] = { dtype: 'BF16', shape: dims, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  // safetensors: u64 length of the header, the header padded with spaces to 8 bytes, the data.
  const json = JSON.stringify(header);
  const padded = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));

  const file = await open(join(dir, 'model.safetensors'), 'wx');
  try {
    await file.writeFile(Buffer.concat([length, padded]));
    const pattern = randomBf16(patternValues);
    for (let left = offset; left > 0; left -= pattern.length) await file.writeFile(left < pattern.length ? pattern.subarray(0, left) : pattern);
  } finally {
    await file.close();
  }
}

function configOf(shape: LargeModelShape): object {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocabulary,
    hidden_size: shape.hidden,
    intermediate_size: shape.intermediate,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.hidden / 64,
    num_key_value_heads: shape.hidden / 64,
    head_dim: 64,
    hidden_act: 'silu',
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    bos_token_id: 0,
    eos_token_id: 2,
    pad_token_id: 3,
    torch_dtype: 'bfloat16',
  };
}

function tensorsOf({ hidden, intermediate, layers }: LargeModelShape): readonly (readonly [string, readonly number[]])[] {
  const block = (index: number): (readonly [string, readonly number[]])[] => {
    const prefix = `model.layers.${index}`;
    return [
      [`${prefix}.input_layernorm.weight`, [hidden]],
      ...['q', 'k', 'v', 'o'].map((name) => [`${prefix}.self_attn.${name}_proj.weight`, [hidden, hidden]] as const),
      [`${prefix}.post_attention_layernorm.weight`, [hidden]],
      [`${prefix}.mlp.gate_proj.weight`, [intermediate, hidden]],
      [`${prefix}.mlp.up_proj.weight`, [intermediate, hidden]],
      [`${prefix}.mlp.down_proj.weight`, [hidden, intermediate]],
    ];
  };
  return [
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ...Array.from({ length: layers }, (_, index) => block(index)).flat(),
    ['model.norm.weight', [hidden]],
  ];
}

/** bf16 values in about [-0.08, 0.08) from a xorshift generator with a fixed seed: the same file on every machine. */
function randomBf16(count: number): Buffer {
  const buffer = Buffer.alloc(count * bytesPerValue);
  const single = new Float32Array(1);
  const bits = new Uint32Array(single.buffer);
  let state = 0x9e3779b9;
  for (let index = 0; index < count; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    single[0] = ((state >> 8) / (1 << 23)) * 0.08;
    buffer.writeUInt16LE((bits[0] ?? 0) >>> 16, index * bytesPerValue);
  }
  return buffer;
}
