// scripts/plant-outliers.mjs: the variant computes what the model did, to the bit where nothing is rounded, and has the outliers that it names; plain W8A8
// loses by them, LLM.int8() does not.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import { logitsOf } from '@quantwright/engine/eval/logits';
import { loadBinding } from '@quantwright/engine/jobs/binding';
import { loadModel } from '@quantwright/engine/model/load';
import { quantizeModel } from '@quantwright/engine/pipeline/quantize';
import { writeRandomCheckpoint } from '@quantwright/engine/pipeline/testing/random-checkpoint';
import { modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import { projectRoot, quill } from '../support/engine-process.ts';

const binding = await loadBinding();

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-planted-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function plant(...args: readonly string[]): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const child = spawn(process.execPath, [join(projectRoot, 'scripts', 'plant-outliers.mjs'), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  return new Promise((resolve) => child.once('exit', (code) => resolve({ code, stderr })));
}

async function logits(directory: string, ids: Int32Array): Promise<Float32Array> {
  return logitsOf(await loadModel(directory, { binding }), ids);
}

function relativeError(actual: Float32Array, wanted: Float32Array): number {
  let [error, size] = [0, 0];
  for (const [index, value] of wanted.entries()) {
    error += ((actual[index] ?? Number.NaN) - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(error / size);
}

const ids = (vocabulary: number): Int32Array => Int32Array.from({ length: 40 }, (_, index) => (index * index * 37 + 11) % vocabulary);

test('quill-16m: the same logits to the bit, other norms, and what W8A8 and LLM.int8() make of it', async (t) => {
  const root = await temporary(t);
  const planted = join(root, 'planted');
  assert.deepEqual(await plant(quill, planted, '--places', 'norms,values,mlp', '--channels', '3'), { code: 0, stderr: '' });
  const wanted = await logits(quill, ids(8192));
  assert.deepEqual(await logits(planted, ids(8192)), wanted);

  const told = JSON.parse(await readFile(join(planted, 'planted-outliers.json'), 'utf8')) as {
    readonly scale: number;
    readonly channels: { readonly norms: number[] };
  };
  assert.equal(told.channels.norms.length, 3);
  const [before, after] = [mapCheckpoint(await openCheckpoint(quill), binding), mapCheckpoint(await openCheckpoint(planted), binding)];
  for (const norm of ['model.layers.0.input_layernorm.weight', 'model.layers.7.post_attention_layernorm.weight']) {
    const [old, now] = [await before.floats(norm), await after.floats(norm)];
    assert.deepEqual(
      now,
      old.map((value, channel) => (told.channels.norms.includes(channel) ? value * told.scale : value)),
    );
  }

  const errors: number[] = [];
  for (const config of [
    { quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant', save_format: 'quantwright' },
    { quant_method: 'llm_int8' },
  ]) {
    const [configPath, outDir] = [join(root, `${config.quant_method}.quant.json`), join(root, config.quant_method)];
    await writeFile(configPath, JSON.stringify(config));
    await quantizeModel({ modelDir: planted, configPath, outDir }, { loadBinding: async () => binding });
    errors.push(relativeError(await logits(outDir, ids(8192)), wanted));
  }
  const [plain = 0, outliersApart = 0] = errors;
  t.diagnostic(`relative error of the logits: W8A8 ${plain.toFixed(3)}, LLM.int8() ${outliersApart.toFixed(3)}`);
  assert.ok(plain > 3 * outliersApart, `W8A8 ${plain}, LLM.int8() ${outliersApart}`);
});

const sizes = { num_hidden_layers: 2, num_attention_heads: 4, vocab_size: 90, max_position_embeddings: 64 };
const gated = { ...sizes, hidden_size: 64, intermediate_size: 96, num_key_value_heads: 2, head_dim: 16 };
const tiny = [
  {
    name: 'Gemma2ForCausalLM',
    config: { model_type: 'gemma2', ...gated, query_pre_attn_scalar: 16, sliding_window: 32, attn_logit_softcapping: 50, final_logit_softcapping: 30 },
    norms: ['input_layernorm', 'post_attention_layernorm', 'pre_feedforward_layernorm', 'post_feedforward_layernorm'].map((norm) => `model.layers.{i}.${norm}`),
    others: { 'model.embed_tokens.weight': [90, 64], 'model.norm.weight': [64] },
    biased: false,
    places: 'norms,values,mlp',
  },
  {
    name: 'OPTForCausalLM',
    config: { model_type: 'opt', ...sizes, hidden_size: 64, ffn_dim: 96, activation_function: 'relu' },
    norms: ['self_attn_layer_norm', 'final_layer_norm'].map((norm) => `model.decoder.layers.{i}.${norm}`),
    others: {
      'model.decoder.embed_tokens.weight': [90, 64],
      'model.decoder.embed_positions.weight': [66, 64],
      'model.decoder.final_layer_norm.weight': [64],
      'model.decoder.final_layer_norm.bias': [64],
    },
    biased: true,
    places: 'norms,values,mlp',
  },
] as const;

for (const { name, config, norms, others, biased, places } of tiny) {
  test(`${name}: the same logits to float rounding, with ${places}`, async (t) => {
    const directory = await temporary(t);
    const shape = modelShapeFromConfig({ architectures: [name], ...config });
    assert.ok('linears' in shape);
    const shapes = new Map<string, readonly number[]>(Object.entries(others));
    for (let layer = 0; layer < sizes.num_hidden_layers; layer++) {
      const place = (path: string): string => path.replace('{i}', String(layer));
      for (const norm of norms) for (const tensor of biased ? ['weight', 'bias'] : ['weight']) shapes.set(`${place(norm)}.${tensor}`, [64]);
      for (const { module, in: cols, out: rows } of shape.linears.filter(({ firstLayer }) => firstLayer === 0)) {
        shapes.set(`${place(module)}.weight`, [rows, cols]);
        if (biased) shapes.set(`${place(module)}.bias`, [rows]);
      }
    }
    await writeRandomCheckpoint(directory, shapes);
    await writeFile(join(directory, 'config.json'), JSON.stringify({ architectures: [name], ...config }));
    const planted = `${directory}-planted`;
    t.after(() => rm(planted, { recursive: true, force: true }));
    assert.deepEqual(await plant(directory, planted, '--places', places, '--scale', '32'), { code: 0, stderr: '' });
    const [wanted, got] = [await logits(directory, ids(90)), await logits(planted, ids(90))];
    const error = relativeError(got, wanted);
    t.diagnostic(`relative error of the logits ${error.toExponential(1)}`);
    assert.ok(error < 1e-5, String(error));
    assert.notDeepEqual([...(await readFile(join(directory, 'model.safetensors')))], [...(await readFile(join(planted, 'model.safetensors')))]);
  });
}

test('what cannot be planted is refused in words', async (t) => {
  const root = await temporary(t);
  for (const [args, words] of [
    [['--scale', '50'], /--scale 50: a power of two above 1 is needed/],
    [['--channels', '0'], /--channels 0: a whole number from 1 on is needed/],
    [['--channels', '400'], /--channels 400: norms have 384/],
    [['--places', 'gates'], /gates is none of norms, values and mlp/],
  ] as const) {
    const { code, stderr } = await plant(quill, join(root, 'out'), ...args);
    assert.equal(code, 1);
    assert.match(stderr, words);
  }
});
