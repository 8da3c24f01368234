// GGUF files of every architecture give exactly the logits of the model directory that they were made from, and those of every block type the logits that
// plain float64 arithmetic gives on the weights that the blocks stand for.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Weight } from '@quantwright/native/binding';
import type { GgufArchitecture } from '../checkpoint/gguf/config.ts';
import { type Config, convert, interleave, plain, rowsBy, type SourceTensor } from '../checkpoint/gguf/testing/convert.ts';
import { blocks, blockTypes, dequantize, randomBlocks } from '../checkpoint/gguf/testing/dequantize.ts';
import { ggufTypes } from '../checkpoint/gguf/types.ts';
import { requireModel, requireModelDirectory } from '../checkpoint/model-directory.ts';
import { createCheckpoint } from '../checkpoint/sharded-writer.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { inspectPath } from '../jobs/inspect.ts';
import { convertModel } from '../repack/convert.ts';
import { parseModelConfig } from './config.ts';
import { buildModel } from './decoder.ts';
import { loadModel } from './load.ts';
import { referenceLogits, silu } from './testing/reference.ts';
import type { Linear, ModelWeights } from './weights.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 20 }, (_, index) => (index * 17 + 3) % 50);
const sizes = {
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 7,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 50,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  // Exact in the f32 of the file.
  rms_norm_eps: 2 ** -20,
};
const gemma = { hidden_activation: 'gelu_pytorch_tanh', query_pre_attn_scalar: 8, sliding_window: 6 };
const neox = {
  ...sizes,
  model_type: 'gpt_neox',
  num_key_value_heads: 4,
  head_dim: 6,
  rotary_pct: 0.7,
  layer_norm_eps: 1e-5,
  hidden_act: 'gelu',
  tie_word_embeddings: false,
};
const gpt2 = { model_type: 'gpt2', n_embd: 24, n_layer: 2, n_head: 4, n_positions: 64, vocab_size: 50, layer_norm_epsilon: 1e-5 };

const cases: readonly (readonly [title: string, architecture: GgufArchitecture, name: string, config: Config])[] = [
  ['llama', 'llama', 'LlamaForCausalLM', { ...sizes, model_type: 'llama', tie_word_embeddings: false }],
  [
    'llama with biases and linear scaling',
    'llama',
    'LlamaForCausalLM',
    { ...sizes, model_type: 'llama', attention_bias: true, rope_scaling: { rope_type: 'linear', factor: 4 } },
  ],
  [
    'llama with divisors of its frequencies',
    'llama',
    'LlamaForCausalLM',
    {
      ...sizes,
      model_type: 'llama',
      rope_scaling: { rope_type: 'longrope', short_factor: [1, 1.5, 4, 8], original_max_position_embeddings: 64, attention_factor: 1 },
    },
  ],
  [
    'qwen2 with yarn',
    'qwen2',
    'Qwen2ForCausalLM',
    { ...sizes, model_type: 'qwen2', rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 } },
  ],
  ['qwen3', 'qwen3', 'Qwen3ForCausalLM', { ...sizes, model_type: 'qwen3', rope_theta: 1e6 }],
  [
    'phi3',
    'phi3',
    'Phi3ForCausalLM',
    {
      ...sizes,
      model_type: 'phi3',
      partial_rotary_factor: 0.75,
      original_max_position_embeddings: 24,
      sliding_window: 9,
      rope_scaling: { rope_type: 'longrope', short_factor: [1, 1.5, 3], long_factor: [2, 4, 8], original_max_position_embeddings: 24, attention_factor: 1.25 },
    },
  ],
  ['gemma', 'gemma', 'GemmaForCausalLM', { ...sizes, model_type: 'gemma', hidden_act: 'gelu' }],
  ['gemma2', 'gemma2', 'Gemma2ForCausalLM', { ...sizes, ...gemma, model_type: 'gemma2', attn_logit_softcapping: 2, final_logit_softcapping: 3 }],
  [
    'gemma3',
    'gemma3',
    'Gemma3ForCausalLM',
    { ...sizes, ...gemma, model_type: 'gemma3_text', rope_theta: 1e6, rope_local_base_freq: 1e4, rope_scaling: { rope_type: 'linear', factor: 8 } },
  ],
  ['gpt2', 'gpt2', 'GPT2LMHeadModel', gpt2],
  ['gptneox', 'gptneox', 'GPTNeoXForCausalLM', { ...neox, use_parallel_residual: true }],
  ['gptneox, one part after the other', 'gptneox', 'GPTNeoXForCausalLM', { ...neox, use_parallel_residual: false }],
];

for (const [title, architecture, name, given] of cases) {
  test(`a GGUF file of ${title} gives exactly the logits of its model directory`, async (t) => {
    const config = { ...given, architectures: [name] };
    const tensors = await randomTensors(config);
    const directory = await temporary(t);
    await writeFile(join(directory, 'config.json'), JSON.stringify(config));
    const plan = [...tensors].map(([tensor, { shape }]) => ({ name: tensor, dtype: 'F32' as const, shape }));
    const writer = await createCheckpoint(directory, plan, {});
    for (const [tensor, { values }] of tensors) await writer.write(tensor, values);
    await writer.finish();
    const path = join(directory, 'model.gguf');
    await writeFile(path, convert(architecture, config, tensors));
    const wanted = await logitsOf(await loadModel(directory, { binding }), ids);
    const got = await logitsOf(await loadModel(path, { binding }), ids);
    assert.ok(wanted.every((value) => Number.isFinite(value)));
    assert.deepEqual(got, wanted);
    if (architecture === 'gpt2' || architecture === 'gptneox') return;
    // The file that conversion writes is another spelling of the same.
    const out = join(await temporary(t), 'converted');
    const { files } = await convertModel({ modelPath: directory, to: 'gguf', outDir: out }, { loadBinding: async () => binding });
    assert.deepEqual(await logitsOf(await loadModel(join(out, files[0] ?? ''), { binding }), ids), wanted);
  });
}

const wide = {
  ...sizes,
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 2,
  head_dim: 64,
  architectures: ['LlamaForCausalLM'],
};

for (const type of blockTypes) {
  test(`${type} blocks give the logits of the weights that they stand for`, async (t) => {
    const stored = new Map<string, Float32Array>();
    const next = random(type);
    const spread = { Q2_K: 2 ** -10, Q3_K: 2 ** -11, Q8_0: 2 ** -11 }[type as string] ?? (type.endsWith('K') ? 2 ** -14 : 2 ** -8);
    const tensors = await randomTensors(wide);
    const file = convert('llama', wide, tensors, [], (name, tensor) => {
      const data = randomBlocks(type, tensor.values.length / blocks[type].weights, spread, next);
      stored.set(name, dequantize(type, data));
      return { type: ggufTypes[type].id, data };
    });
    const path = join(await temporary(t), 'blocks.gguf');
    await writeFile(path, file);
    const reference = new Map(
      [...tensors].map(([name, { shape, values }]) => {
        const own = name
          .replace('model.layers.', 'blk.')
          .replace(/self_attn\.([qkv])_proj/, 'attn_$1')
          .replace('self_attn.o_proj', 'attn_output')
          .replace(/mlp\.(\w+)_proj/, 'ffn_$1');
        const weights = stored.get(own.replace('model.embed_tokens', 'token_embd')) ?? values;
        const order = interleave(shape[0] ?? 0, 64);
        const inverse = order.map((_, row) => order.indexOf(row));
        return [name, /[qk]_proj/.test(name) ? rowsBy({ shape, values: weights }, inverse).values : weights];
      }),
    );
    const model = await loadModel(path, { binding });
    const plainly = { hidden: 256, layers: 2, heads: 4, kvHeads: 2, headDim: 64, eps: 2 ** -20, scale: 1 / 8, theta: () => 10_000, activation: silu };
    // Eight rows at most are multiplied as exactly as in f32; more of them with 16-bit activations.
    const few = compare(await logitsOf(model, ids.subarray(0, 8)), referenceLogits(plainly, reference, ids.subarray(0, 8)));
    const many = compare(await logitsOf(model, ids), referenceLogits(plainly, reference, ids));
    const { bitsPerWeight, quantization } = await inspectPath(path);
    t.diagnostic(
      `${type}: largest difference ${few.toExponential(1)} of the largest logit for 8 tokens, ${many.toExponential(1)} for 20; ${bitsPerWeight} bits a weight in the file`,
    );
    assert.ok(few < 5e-5 && many < 1e-3, `${few}, ${many}`);
    assert.equal(quantization, `gguf ${type}`);
    assert.equal(model.layout, 'gguf');
  });
}

test('an architecture that does not run is named, with those that do', async (t) => {
  const path = join(await temporary(t), 'other.gguf');
  const tensors = new Map([['model.embed_tokens.weight', { shape: [4, 4], values: new Float32Array(16) }]]);
  await writeFile(
    path,
    convert('mamba' as GgufArchitecture, { ...sizes, model_type: 'llama' }, tensors, [], (_, tensor) => plain(tensor)),
  );
  await assert.rejects(loadModel(path, { binding }), /other\.gguf: the architecture "mamba" cannot run here; those that run: llama, qwen2, qwen3, phi3/);
});

test('a missing file is told as one, and where a directory is needed a GGUF file is told from a slip', async (t) => {
  const path = join(await temporary(t), 'model.gguf');
  await assert.rejects(requireModel(path), /cannot open .*model\.gguf: no such file or directory/);
  await writeFile(path, '');
  await requireModel(path);
  await assert.rejects(requireModelDirectory(path), /model\.gguf is a GGUF file, which runs as it is \(chat, eval, compare\); here the model directory/);
  await assert.rejects(loadModel(path, { binding }), /model\.gguf: is no GGUF file/);
});

test('a tensor of another shape, one that is missing and a mixture of experts are refused by name', async (t) => {
  const config = { ...sizes, model_type: 'llama', num_hidden_layers: 1, architectures: ['LlamaForCausalLM'] };
  const tensors = new Map(await randomTensors(config));
  const directory = await temporary(t);
  const refused = async (changed: ReadonlyMap<string, SourceTensor>, extra: Parameters<typeof convert>[3], message: RegExp): Promise<void> => {
    const path = join(directory, 'x.gguf');
    await writeFile(path, convert('llama', config, changed, extra));
    await assert.rejects(loadModel(path, { binding }), message);
  };
  const down = 'model.layers.0.mlp.down_proj.weight';
  await refused(
    new Map([...tensors, [down, { shape: [24, 32], values: new Float32Array(24 * 32) }]]),
    [],
    /x\.gguf: tensor blk\.0\.ffn_down\.weight has shape \[24, 32\]; \[24, 40\] is needed/,
  );
  await refused(new Map([...tensors].filter(([name]) => name !== down)), [], /x\.gguf has no tensor blk\.0\.ffn_down\.weight/);
  await refused(tensors, [['llama.expert_count', 'u32', 8]], /x\.gguf: a mixture of 8 experts cannot run here/);
});

/** Largest difference, in parts of the largest wanted. */
function compare(got: Float32Array, wanted: Float64Array): number {
  let [worst, largest] = [0, 0];
  for (const [index, value] of wanted.entries()) {
    worst = Math.max(worst, Math.abs((got[index] ?? Number.NaN) - value));
    largest = Math.max(largest, Math.abs(value));
  }
  return worst / largest;
}

/** Every tensor that the builder asks for, by Hugging Face's names. */
async function randomTensors(config: Config): Promise<ReadonlyMap<string, SourceTensor>> {
  const tensors = new Map<string, SourceTensor>();
  const weight: Weight = await binding.createWeight({ codec: 'dense', type: 'f32', rows: 1, cols: 1, data: new Uint8Array(4) });
  const add = (name: string, shape: readonly number[]): Float32Array => {
    const next = random(name);
    const norm = /norm|ln_/.test(name);
    const spread = norm || name.endsWith('bias') ? 0.4 : 2.4 / Math.sqrt(shape[1] ?? 1);
    // Gemma adds 1 to its own; multiples of 2^-20, so that adding it in the file is exact.
    const middle = norm && name.endsWith('weight') && !String(config['model_type']).startsWith('gemma') ? 1 : 0;
    const values = Float32Array.from(
      { length: shape.reduce((product, size) => product * size, 1) },
      () => Math.round((middle + spread * (2 * next() - 1)) * 2 ** 20) / 2 ** 20,
    );
    tensors.set(name, { shape, values });
    return values;
  };
  const linear = (module: string, shape: readonly number[], rows: number, bias: boolean): Linear => {
    add(`${module}.weight`, shape);
    return bias ? { weight, bias: add(`${module}.bias`, [rows]) } : { weight };
  };
  const recording: ModelWeights = {
    linear: async (module, rows, cols, bias) => linear(module, [rows, cols], rows, bias),
    transposedLinear: async (module, rows, cols, bias) => linear(module, [cols, rows], rows, bias),
    vector: async (name, length) => add(name, [length]),
    embedding: async (name, rows, cols) => {
      add(name, [rows, cols]);
      return weight;
    },
  };
  await buildModel(parseModelConfig(config, 'config.json'), recording);
  return tensors;
}

/** Uniform in [0, 1), seeded by a name. */
function random(name: string): () => number {
  let state = [...name].reduce((hash, character) => Math.imul(hash, 31) + character.charCodeAt(0), 7) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-gguf-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
