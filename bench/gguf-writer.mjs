// Writes a llama GGUF v3 file for the peer, tensor by tensor. Only what the benchmark needs: key-values, tensor table, aligned data.
import { closeSync, openSync, writeSync } from 'node:fs';
import { types } from './quantize-gguf.mjs';

const alignment = 32;
const padded = (bytes) => Math.ceil(bytes / alignment) * alignment;

const u32 = (value) => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};
const u64 = (value) => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
};
const f32 = (value) => {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return out;
};
const string = (value) => {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
};
const kinds = { u32: [4, u32], i32: [5, u32], f32: [6, f32], bool: [7, (value) => Buffer.from([value ? 1 : 0])], string: [8, string] };
const entry = (key, kind, value) => Buffer.concat([string(key), u32(kinds[kind][0]), kinds[kind][1](value)]);
const array = (key, kind, values) => Buffer.concat([string(key), u32(9), u32(kinds[kind][0]), u64(values.length), ...values.map(kinds[kind][1])]);

/** A vocabulary of the right size: specials, 256 bytes, then made-up pieces. The text is never looked at. */
function vocabulary(size) {
  const tokens = ['<unk>', '<s>', '</s>'];
  const kindsOf = [2, 3, 3];
  for (let byte = 0; byte < 256; byte++) {
    tokens.push(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    kindsOf.push(6);
  }
  for (let n = 0; tokens.length < size; n++) {
    tokens.push(`${n % 2 ? '\u2581' : ''}w${n.toString(26)}`);
    kindsOf.push(1);
  }
  return { tokens, scores: tokens.map((_, index) => (index < 259 ? 0 : -index)), kinds: kindsOf };
}

/**
 * config: Hugging Face config.json of a Llama. tensors: [{name (GGUF), shape [rows, cols] or [n]}]. type: of the matrices (vectors are f32).
 * Returns {write(values), close()}: write is called once per tensor, in order, with a Float32Array.
 */
export function createGguf(path, config, tensors, type) {
  const vocab = vocabulary(config.vocab_size);
  const headDim = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  const entries = [
    entry('general.architecture', 'string', 'llama'),
    entry('general.name', 'string', 'benchmark'),
    entry('general.alignment', 'u32', alignment),
    entry('llama.context_length', 'u32', config.max_position_embeddings),
    entry('llama.embedding_length', 'u32', config.hidden_size),
    entry('llama.block_count', 'u32', config.num_hidden_layers),
    entry('llama.feed_forward_length', 'u32', config.intermediate_size),
    entry('llama.attention.head_count', 'u32', config.num_attention_heads),
    entry('llama.attention.head_count_kv', 'u32', config.num_key_value_heads),
    entry('llama.rope.dimension_count', 'u32', headDim),
    entry('llama.attention.layer_norm_rms_epsilon', 'f32', config.rms_norm_eps),
    entry('llama.rope.freq_base', 'f32', config.rope_theta),
    entry('llama.vocab_size', 'u32', config.vocab_size),
    entry('tokenizer.ggml.model', 'string', 'llama'),
    array('tokenizer.ggml.tokens', 'string', vocab.tokens),
    array('tokenizer.ggml.scores', 'f32', vocab.scores),
    array('tokenizer.ggml.token_type', 'i32', vocab.kinds),
    entry('tokenizer.ggml.bos_token_id', 'u32', 1),
    entry('tokenizer.ggml.eos_token_id', 'u32', 2),
    entry('tokenizer.ggml.unknown_token_id', 'u32', 0),
  ];
  const typeOf = (tensor) => types[tensor.shape.length === 1 ? 'f32' : type];
  const count = (tensor) => tensor.shape.reduce((a, b) => a * b, 1);
  let offset = 0;
  const table = tensors.map((tensor) => {
    const row = Buffer.concat([string(tensor.name), u32(tensor.shape.length), ...[...tensor.shape].reverse().map(u64), u32(typeOf(tensor).id), u64(offset)]);
    offset += padded(typeOf(tensor).bytes(count(tensor)));
    return row;
  });
  const head = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length), ...entries, ...table]);
  const file = openSync(path, 'w');
  writeSync(file, Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length)]));
  let next = 0;
  return {
    write(values) {
      const tensor = tensors[next++];
      const bytes = typeOf(tensor).encode(values);
      writeSync(file, bytes);
      const rest = padded(bytes.length) - bytes.length;
      if (rest) writeSync(file, Buffer.alloc(rest));
    },
    close: () => closeSync(file),
  };
}
