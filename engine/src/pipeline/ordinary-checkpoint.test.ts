// Transforms alone, from config to model: ordinary checkpoints of every family of norms compute what they did and are what integers are rounded from; SmoothQuant W8A8
// and W6A6 load again from both layouts to the same perplexity.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { EngineError } from '../errors.ts';
import { logitsOf } from '../eval/logits.ts';
import { measurePerplexity } from '../eval/perplexity.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { quill, texts, type Workspace, workspace } from './testing/calibrated-jobs.ts';
import { writeRandomCheckpoint } from './testing/random-checkpoint.ts';

const binding = await loadBinding();
const [hidden, inner, layers, heads, vocabulary] = [64, 96, 2, 4, 8192];
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * 337 + 5) % vocabulary);
const calibration = { dataset: 'text.txt', samples: 6, sequence_length: 24 };
const smoothquant = { quant_method: 'smoothquant', smoothquant: { alpha: 0.7 }, calibration };

interface Family {
  readonly config: Readonly<Record<string, unknown>>;
  /** Of a block. */
  readonly norms: readonly string[];
  /** With a bias beside each weight of a norm and a linear. */
  readonly biased: boolean;
  readonly transposed?: true;
  readonly others: Readonly<Record<string, readonly number[]>>;
  readonly finalNorm: string;
}

const sizes = { hidden_size: hidden, num_hidden_layers: layers, num_attention_heads: heads, vocab_size: vocabulary, max_position_embeddings: 64 };
const table = [vocabulary, hidden];
const families: Readonly<Record<string, Family>> = {
  LlamaForCausalLM: {
    config: { model_type: 'llama', ...sizes, intermediate_size: inner, num_key_value_heads: 2, tie_word_embeddings: false },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    biased: false,
    others: { 'model.embed_tokens.weight': table, 'lm_head.weight': table },
    finalNorm: 'model.norm',
  },
  GemmaForCausalLM: {
    config: { model_type: 'gemma', ...sizes, intermediate_size: inner, num_key_value_heads: 1, head_dim: 16 },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    biased: false,
    others: { 'model.embed_tokens.weight': table },
    finalNorm: 'model.norm',
  },
  OPTForCausalLM: {
    config: { model_type: 'opt', ...sizes, ffn_dim: inner },
    norms: ['self_attn_layer_norm', 'final_layer_norm'],
    biased: true,
    others: { 'model.decoder.embed_tokens.weight': table, 'model.decoder.embed_positions.weight': [66, hidden] },
    finalNorm: 'model.decoder.final_layer_norm',
  },
  GPT2LMHeadModel: {
    config: { model_type: 'gpt2', n_embd: hidden, n_inner: inner, n_layer: layers, n_head: heads, n_positions: 64, vocab_size: vocabulary },
    norms: ['ln_1', 'ln_2'],
    biased: true,
    transposed: true,
    others: { 'transformer.wte.weight': table, 'transformer.wpe.weight': [64, hidden] },
    finalNorm: 'transformer.ln_f',
  },
  GPTNeoXForCausalLM: {
    config: { model_type: 'gpt_neox', ...sizes, intermediate_size: inner },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    biased: true,
    others: { 'gpt_neox.embed_in.weight': table, 'embed_out.weight': table },
    finalNorm: 'gpt_neox.final_layer_norm',
  },
};

for (const [architecture, family] of Object.entries(families)) {
  test(`${architecture}: an ordinary checkpoint computes what the model did, and W8A8 is its rounding`, async (t) => {
    const work = await workspace(t);
    const model = await madeModel(work, architecture, family);
    const { outDir, result } = await work.quantize(model, { ...smoothquant, save_format: 'safetensors' });
    assert.equal(result.bitsPerWeight, 32);
    assert.equal('quantization_config' in JSON.parse(await readFile(join(outDir, 'config.json'), 'utf8')), false);
    assert.deepEqual(await movedOf(model, outDir), expectedMoves(family));
    const error = relativeError(await logits(outDir), await logits(model));
    t.diagnostic(`relative error of the logits ${error.toExponential(1)}`);
    assert.ok(error < 1e-5, String(error));

    const direct = await work.quantize(model, { ...smoothquant, save_format: 'quantwright' });
    const activations = { bits: 8 };
    const rounding = { quant_method: 'rtn', dialect: 'qllm', weight_format: 'int8', compute_method: 'activate_quant', activations, save_format: 'quantwright' };
    const rounded = await work.quantize(outDir, rounding);
    assert.deepEqual(await movedOf(rounded.outDir, direct.outDir), new Set());
  });
}

for (const { method, dialect, options } of [
  { method: 'awq', dialect: 'awq', options: { n_grid: 4 } },
  { method: 'teq', dialect: 'inc', options: { teq: { steps: 4 } } },
]) {
  test(`${method} leaves an ordinary checkpoint too, which rounds to what it would have stored`, async (t) => {
    const work = await workspace(t);
    const model = await madeModel(work, 'LlamaForCausalLM', families['LlamaForCausalLM'] ?? assert.fail());
    const rounding = { weight_format: 'int4', group_size: 32 };
    const { outDir } = await work.quantize(model, { quant_method: method, ...rounding, ...options, calibration, save_format: 'safetensors' });
    const direct = await work.quantize(model, { quant_method: method, ...rounding, ...options, calibration, save_format: 'quantwright' });
    const rounded = await work.quantize(outDir, { quant_method: 'rtn', dialect, ...rounding, save_format: 'quantwright' });
    assert.deepEqual(await movedOf(rounded.outDir, direct.outDir), new Set());
  });
}

for (const { name, settings, codec } of [
  { name: 'W8A8', settings: {}, codec: 'w8a8' },
  { name: 'W6A6', settings: { weight_format: 'int6', activations: { bits: 6 } }, codec: 'w8a8' },
]) {
  test(`${name} loads from both layouts to the same perplexity, which is close to the model's`, async (t) => {
    const work = await workspace(t);
    const text = await readFile(join(texts, 'quant_chat_evaluation.txt'), 'utf8');
    const found: number[] = [];
    for (const save_format of ['compressed-tensors', 'quantwright']) {
      const { outDir, result } = await work.quantize(quill, { ...smoothquant, ...settings, save_format, scale_type: 'float32' });
      assert.ok(result.modules.every((module) => module.codec === codec));
      found.push(await perplexity(outDir, text));
      const { quantization_config: stored } = JSON.parse(await readFile(join(outDir, 'config.json'), 'utf8'));
      if (save_format === 'quantwright') continue;
      assert.equal(stored.format, 'int-quantized');
      const { weights, input_activations: inputs } = stored.config_groups.group_0;
      const bits = name === 'W8A8' ? 8 : 6;
      assert.deepEqual([weights.num_bits, weights.symmetric, weights.strategy], [bits, true, 'channel']);
      assert.deepEqual([inputs.num_bits, inputs.symmetric, inputs.strategy, inputs.dynamic], [bits, true, 'token', true]);
      assert.deepEqual(await rangeOfCodes(outDir), bits === 8 ? [-127, 127] : [-31, 31]);
    }
    const [one = 0, other = 0] = found;
    const float = await perplexity(quill, text);
    t.diagnostic(`perplexity ${one.toFixed(5)} and ${other.toFixed(5)}, of the model ${float.toFixed(5)}`);
    assert.ok(one > float && one < (name === 'W8A8' ? 1.01 : 1.1) * float);
    // DashInfer's rule stands for SmoothQuant's in compressed-tensors, which names none: they differ in last bits of a quotient.
    assert.ok(Math.abs(other / one - 1) < 1e-3);
  });
}

test('an ordinary checkpoint is for transforms alone', async (t) => {
  const work = await workspace(t);
  const asked = work.quantize(quill, { quant_method: ['smoothquant', 'gptq'], save_format: 'safetensors', calibration });
  await assert.rejects(asked, (error) => error instanceof EngineError && /QC017: .*safetensors is for float weights, and gptq rounds them/.test(error.message));
});

/** Norms of 0.8 to 1.2; those of Gemma are stored less 1, which is as good a random norm as any. */
async function madeModel(work: Workspace, architecture: string, { config, norms, biased, transposed, others, finalNorm }: Family): Promise<string> {
  const directory = await mkdtemp(join(work.root, 'model-'));
  const written = { architectures: [architecture], torch_dtype: 'float32', ...config };
  await writeFile(join(directory, 'config.json'), JSON.stringify(written));
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']) await copyFile(join(quill, file), join(directory, file));
  const shape = modelShapeFromConfig(written);
  if (!('linears' in shape)) return assert.fail(shape.reason);
  const shapes = new Map<string, readonly number[]>(Object.entries(others));
  const norm = (module: string): void => {
    for (const kind of biased ? ['weight', 'bias'] : ['weight']) shapes.set(`${module}.${kind}`, [hidden]);
  };
  norm(finalNorm);
  for (let layer = 0; layer < layers; layer++) {
    const linears = shape.linears.filter(({ kind }) => kind !== 'lm_head');
    for (const { module, in: cols, out: rows } of linears) {
      const path = module.replace('{i}', String(layer));
      shapes.set(`${path}.weight`, transposed ? [cols, rows] : [rows, cols]);
      if (biased) shapes.set(`${path}.bias`, [rows]);
    }
    const prefix = linears[0]?.module.split('.{i}.')[0];
    for (const name of norms) norm(`${prefix}.${layer}.${name}`);
  }
  await writeRandomCheckpoint(directory, shapes);
  return directory;
}

/** Tensors whose bytes differ, by the end of their names. */
async function movedOf(before: string, after: string): Promise<ReadonlySet<string>> {
  const [old, made] = [mapCheckpoint(await openCheckpoint(before), binding), mapCheckpoint(await openCheckpoint(after), binding)];
  assert.deepEqual([...made.checkpoint.names].sort(), [...old.checkpoint.names].sort());
  for (const name of old.checkpoint.names) assert.deepEqual(made.checkpoint.info(name).shape, old.checkpoint.info(name).shape);
  const moved = old.checkpoint.names.filter((name) => !Buffer.from(old.read(name)).equals(Buffer.from(made.read(name))));
  old.close();
  made.close();
  return new Set(moved.map((name) => name.split('.').slice(-2).join('.')));
}

/** Norms of blocks, and what reads them. */
function expectedMoves({ norms, biased, config }: Family): ReadonlySet<string> {
  const shape = modelShapeFromConfig({ ...config });
  if (!('linears' in shape)) return assert.fail(shape.reason);
  const readers = shape.linears.filter(({ kind }) => ['q_proj', 'k_proj', 'v_proj', 'qkv_proj', 'gate_proj', 'up_proj', 'gate_up_proj'].includes(kind));
  return new Set([
    ...norms.flatMap((name) => (biased ? [`${name}.weight`, `${name}.bias`] : [`${name}.weight`])),
    ...readers.map(({ module }) => `${module.split('.').at(-1)}.weight`),
  ]);
}

async function rangeOfCodes(directory: string): Promise<readonly [number, number]> {
  const mapped = mapCheckpoint(await openCheckpoint(directory), binding);
  let [least, most] = [0, 0];
  for (const name of mapped.checkpoint.names.filter((one) => mapped.checkpoint.info(one).dtype === 'I8')) {
    const bytes = mapped.read(name);
    for (const code of new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)) [least, most] = [Math.min(least, code), Math.max(most, code)];
  }
  mapped.close();
  return [least, most];
}

async function logits(directory: string): Promise<Float32Array> {
  const model = await loadModel(directory, { binding });
  const values = await logitsOf(model, ids);
  model.dispose();
  return values;
}

async function perplexity(directory: string, text: string): Promise<number> {
  const model = await loadModel(directory, { binding });
  const measured = await measurePerplexity(model, text, { window: 256, maxTokens: 1024 });
  model.dispose();
  return measured.perplexity;
}

function relativeError(got: Float32Array, wanted: Float32Array): number {
  let [difference, size] = [0, 0];
  for (const [index, value] of wanted.entries()) [difference, size] = [difference + ((got[index] ?? 0) - value) ** 2, size + value ** 2];
  return Math.sqrt(difference / size);
}
