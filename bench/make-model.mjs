// Makes the models of the speed benchmarks: a Hugging Face directory for us and GGUF files of the same weights for the peer.
//   node bench/make-model.mjs 1b OUT            random weights, TinyLlama shape (1,100,048,384 parameters)
//   node bench/make-model.mjs DIR_OF_A_LLAMA OUT   the weights of an existing bf16 model
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, readSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGguf } from './gguf-writer.mjs';
import { llamaConfig } from './make-llama.mjs';
import { toBf16 } from './quantize-gguf.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** Tensors of a Llama: [Hugging Face name, GGUF name, shape]. */
function tensorList(c) {
  const headDim = c.head_dim ?? c.hidden_size / c.num_attention_heads;
  const q = c.num_attention_heads * headDim;
  const kv = c.num_key_value_heads * headDim;
  const list = [['model.embed_tokens.weight', 'token_embd.weight', [c.vocab_size, c.hidden_size]]];
  for (let i = 0; i < c.num_hidden_layers; i++) {
    const p = `model.layers.${i}.`;
    list.push(
      [`${p}input_layernorm.weight`, `blk.${i}.attn_norm.weight`, [c.hidden_size]],
      [`${p}self_attn.q_proj.weight`, `blk.${i}.attn_q.weight`, [q, c.hidden_size], c.num_attention_heads],
      [`${p}self_attn.k_proj.weight`, `blk.${i}.attn_k.weight`, [kv, c.hidden_size], c.num_key_value_heads],
      [`${p}self_attn.v_proj.weight`, `blk.${i}.attn_v.weight`, [kv, c.hidden_size]],
      [`${p}self_attn.o_proj.weight`, `blk.${i}.attn_output.weight`, [c.hidden_size, q]],
      [`${p}post_attention_layernorm.weight`, `blk.${i}.ffn_norm.weight`, [c.hidden_size]],
      [`${p}mlp.gate_proj.weight`, `blk.${i}.ffn_gate.weight`, [c.intermediate_size, c.hidden_size]],
      [`${p}mlp.up_proj.weight`, `blk.${i}.ffn_up.weight`, [c.intermediate_size, c.hidden_size]],
      [`${p}mlp.down_proj.weight`, `blk.${i}.ffn_down.weight`, [c.hidden_size, c.intermediate_size]],
    );
  }
  list.push(['model.norm.weight', 'output_norm.weight', [c.hidden_size]]);
  if (!c.tie_word_embeddings) list.push(['lm_head.weight', 'output.weight', [c.vocab_size, c.hidden_size]]);
  return list;
}

/** Hugging Face keeps rotary halves apart, GGUF interleaves them (rows of q and k, per head). */
function interleaveHeads(values, shape, heads) {
  const [rows, cols] = shape;
  const half = rows / heads / 2;
  const out = new Float32Array(values.length);
  for (let head = 0; head < heads; head++)
    for (let part = 0; part < 2; part++)
      for (let i = 0; i < half; i++) {
        const from = (head * 2 * half + part * half + i) * cols;
        out.set(values.subarray(from, from + cols), (head * 2 * half + 2 * i + part) * cols);
      }
  return out;
}

const asBf16 = (values) => {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = toBf16(values[i]) << 16;
  return values;
};

/** Uniform noise of standard deviation 0.02 (xorshift32), rounded to bf16; norms are ones. */
function randomSource() {
  let state = 0x12345678;
  return (_, shape) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (shape.length === 1) return values.fill(1);
    for (let i = 0; i < values.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      values[i] = (state / 2147483648) * 0.03464;
    }
    return asBf16(values);
  };
}

function directorySource(directory) {
  const file = openSync(join(directory, 'model.safetensors'), 'r');
  const size = Buffer.alloc(8);
  readSync(file, size, 0, 8, 0);
  const length = Number(size.readBigUInt64LE());
  const head = Buffer.alloc(length);
  readSync(file, head, 0, length, 8);
  const header = JSON.parse(head.toString('utf8'));
  return (name) => {
    const [begin, end] = header[name].data_offsets;
    const raw = Buffer.alloc(end - begin);
    readSync(file, raw, 0, raw.length, 8 + length + begin);
    const bits = new Uint32Array(raw.length / 2);
    for (let i = 0; i < bits.length; i++) bits[i] = raw.readUInt16LE(i * 2) << 16;
    return new Float32Array(bits.buffer);
  };
}

export function makeModel(what, out, ggufTypes = ['bf16', 'f16', 'q8_0', 'q4_0']) {
  mkdirSync(out, { recursive: true });
  const made = what === '1b';
  const name = made ? '1b' : basename(what);
  const config = made ? llamaConfig('1b') : JSON.parse(readFileSync(join(what, 'config.json'), 'utf8'));
  const directory = made ? join(out, name) : what;
  const files = Object.fromEntries(ggufTypes.map((type) => [type, join(out, `${name}-${type}.gguf`)]));
  const result = { name, directory, gguf: files };
  if (existsSync(join(out, `${name}.done`))) return result;

  const list = tensorList(config);
  const source = made ? randomSource() : directorySource(what);
  const writers = ggufTypes.map((type) =>
    createGguf(
      `${files[type]}.part`,
      config,
      list.map(([, gguf, shape]) => ({ name: gguf, shape })),
      type,
    ),
  );
  let safetensors = null;
  if (made) {
    mkdirSync(directory, { recursive: true });
    const header = {};
    let offset = 0;
    for (const [hf, , shape] of list) {
      const bytes = shape.reduce((a, b) => a * b, 1) * 2;
      header[hf] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
      offset += bytes;
    }
    const json = Buffer.from(JSON.stringify(header));
    const head = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, 0x20);
    head.writeBigUInt64LE(BigInt(head.length - 8));
    json.copy(head, 8);
    safetensors = openSync(join(directory, 'model.safetensors'), 'w');
    writeSync(safetensors, head);
    writeFileSync(join(directory, 'config.json'), JSON.stringify(config, null, 2));
    for (const file of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json'])
      copyFileSync(join(here, '..', 'models', 'quill-16m', file), join(directory, file));
  }
  for (const [hf, , shape, heads] of list) {
    const values = source(hf, shape);
    if (safetensors !== null) writeSync(safetensors, Buffer.from(Uint16Array.from(values, toBf16).buffer));
    const gguf = heads ? interleaveHeads(values, shape, heads) : values;
    for (const writer of writers) writer.write(gguf);
  }
  for (const writer of writers) writer.close();
  for (const type of ggufTypes) renameSync(`${files[type]}.part`, files[type]);
  writeFileSync(join(out, `${name}.done`), '');
  return result;
}

if (process.argv[1]?.endsWith('make-model.mjs')) {
  const [what, out] = process.argv.slice(2);
  if (!what || !out) {
    console.error('usage: node bench/make-model.mjs 1b|MODEL_DIR OUT');
    process.exit(2);
  }
  console.log(JSON.stringify(makeModel(what, out), null, 2));
}
