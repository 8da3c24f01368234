// Writes synthetic Llamas for benchmarks of memory and disk speed: bf16, sharded, as fast as the disk takes them.
//   node bench/make-llama.mjs 160m|2-blocks|1b|7b OUT [SEED]
// Weights are slices of one pool of normal values (deviation 0.02), beginning at a seeded place for every tensor; four input columns of every matrix are
// outliers, twenty times as large. Equal seeds give equal files. The tokenizer is that of the embedded model.
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toBf16 } from './quantize-gguf.mjs';

const quill = join(dirname(fileURLToPath(import.meta.url)), '..', 'models', 'quill-16m');
const common = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_act: 'silu',
  vocab_size: 32000,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  bos_token_id: 0,
  eos_token_id: 2,
};
const sizes = {
  // The shapes of Llama-160M, TinyLlama-1.1B and Llama-2-7B.
  '160m': { hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 12, num_key_value_heads: 12 },
  // Two blocks of TinyLlama.
  '2-blocks': { hidden_size: 2048, intermediate_size: 5632, num_hidden_layers: 2, num_attention_heads: 32, num_key_value_heads: 4, vocab_size: 8192 },
  '1b': { hidden_size: 2048, intermediate_size: 5632, num_hidden_layers: 22, num_attention_heads: 32, num_key_value_heads: 4 },
  '7b': { hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: 32 },
};
const shardBytes = 2_000_000_000;
const poolValues = 4 * 2 ** 20;
const pieceRows = 512;
const outlierColumns = 4;
const outlierFactor = 20;

/** What config.json says of one of the sizes. */
export function llamaConfig(size) {
  const shape = sizes[size];
  if (shape === undefined) throw new Error(`no size ${size}; there are ${Object.keys(sizes).join(', ')}`);
  return { ...common, ...shape };
}

/** Returns the directory; does nothing when it is there already. */
export function makeLlama(size, out, seed = 1) {
  const config = llamaConfig(size);
  const directory = join(out, `llama-${size}`);
  if (existsSync(join(directory, 'config.json'))) return directory;
  mkdirSync(directory, { recursive: true });
  const random = xorshift(seed);
  const pool = normalPool(random);
  const shards = inShards(tensorsOf(config));
  const weightMap = {};
  for (const [index, tensors] of shards.entries()) {
    const name = `model-${String(index + 1).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.safetensors`;
    writeShard(join(directory, name), tensors, pool, random);
    for (const tensor of tensors) weightMap[tensor.name] = name;
  }
  const total = shards.flat().reduce((sum, { shape: of }) => sum + bytesOf(of), 0);
  writeFileSync(join(directory, 'model.safetensors.index.json'), JSON.stringify({ metadata: { total_size: total }, weight_map: weightMap }));
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) copyFileSync(join(quill, file), join(directory, file));
  // Last: it says that the model is complete.
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config, null, 2));
  return directory;
}

function tensorsOf({ hidden_size: h, intermediate_size: f, num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: kv, vocab_size: v }) {
  const matrix = (name, rows, cols) => ({ name: `${name}.weight`, shape: [rows, cols] });
  const norm = (name) => ({ name: `${name}.weight`, shape: [h] });
  const blocks = Array.from({ length: layers }, (_, i) => {
    const p = `model.layers.${i}.`;
    return [
      norm(`${p}input_layernorm`),
      matrix(`${p}self_attn.q_proj`, h, h),
      matrix(`${p}self_attn.k_proj`, (h / heads) * kv, h),
      matrix(`${p}self_attn.v_proj`, (h / heads) * kv, h),
      matrix(`${p}self_attn.o_proj`, h, h),
      norm(`${p}post_attention_layernorm`),
      matrix(`${p}mlp.gate_proj`, f, h),
      matrix(`${p}mlp.up_proj`, f, h),
      matrix(`${p}mlp.down_proj`, h, f),
    ];
  });
  return [matrix('model.embed_tokens', v, h), ...blocks.flat(), norm('model.norm'), matrix('lm_head', v, h)];
}

const bytesOf = (shape) => shape.reduce((product, size) => product * size, 2);

function inShards(tensors) {
  const shards = [[]];
  let used = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor.shape);
    if (used > 0 && used + bytes > shardBytes) {
      shards.push([]);
      used = 0;
    }
    shards.at(-1).push(tensor);
    used += bytes;
  }
  return shards;
}

function writeShard(path, tensors, pool, random) {
  const header = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const { name, shape } of tensors) {
    header[name] = { dtype: 'BF16', shape, data_offsets: [end, end + bytesOf(shape)] };
    end += bytesOf(shape);
  }
  const json = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, 0x20);
  head.writeBigUInt64LE(BigInt(head.length - 8));
  json.copy(head, 8);
  const file = openSync(path, 'w');
  writeSync(file, head);
  for (const { shape } of tensors) writeTensor(file, shape, pool, random);
  closeSync(file);
}

function writeTensor(file, [rows, cols], pool, random) {
  if (cols === undefined) {
    writeSync(file, new Uint16Array(rows).fill(toBf16(1)));
    return;
  }
  const columns = Array.from({ length: outlierColumns }, () => random() % cols);
  const piece = new Uint16Array(pieceRows * cols);
  for (let row = 0; row < rows; row += pieceRows) {
    const values = piece.subarray(0, Math.min(pieceRows, rows - row) * cols);
    for (let done = 0; done < values.length; ) {
      const from = random() % pool.bits.length;
      const slice = pool.bits.subarray(from, from + values.length - done);
      values.set(slice, done);
      done += slice.length;
    }
    const source = random() % (pool.outliers.length - pieceRows * outlierColumns);
    for (let at = 0; at * cols < values.length; at++)
      for (const [index, column] of columns.entries()) values[at * cols + column] = pool.outliers[source + at * outlierColumns + index];
    writeSync(file, values);
  }
}

function normalPool(random) {
  const bits = new Uint16Array(poolValues);
  // The sum of four uniform values: near enough to normal, and quick.
  for (let i = 0; i < bits.length; i++) bits[i] = toBf16(((random() + random() + random() + random()) / 2 ** 32 - 2) * 0.02 * Math.sqrt(3));
  const outliers = Uint16Array.from({ length: 65536 }, () => toBf16((random() / 2 ** 32 - 0.5) * 2 * 0.02 * outlierFactor));
  return { bits, outliers };
}

function xorshift(seed) {
  let state = (seed * 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

if (process.argv[1]?.endsWith('make-llama.mjs')) {
  const [size, out, seed] = process.argv.slice(2);
  if (!size || !out) {
    console.error('usage: node bench/make-llama.mjs 160m|2-blocks|1b|7b OUT [SEED]');
    process.exit(2);
  }
  console.log(makeLlama(size, out, seed === undefined ? 1 : Number(seed)));
}
