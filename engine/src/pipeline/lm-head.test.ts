// "lm_head": true through the whole way: a small untied model is quantized into every layout, read back and run; a model that ties its output matrix is refused.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isShape, modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { EngineError } from '../errors.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { inspectPath } from '../jobs/inspect.ts';
import { loadModel } from '../model/load.ts';
import { quantizeModel } from './quantize.ts';
import { writeRandomCheckpoint } from './testing/random-checkpoint.ts';

const binding = await loadBinding();
const [hidden, vocabulary] = [64, 160];
const modelConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: hidden,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: vocabulary,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  torch_dtype: 'float32',
};
const ids = Int32Array.from({ length: 12 }, (_, index) => (index * 37 + 5) % vocabulary);
/** Stored bytes of lm_head [160, 64]: codes, then scales and zeros, then what the layout adds. */
const [weights, groups] = [vocabulary * hidden, (vocabulary * hidden) / 32];
const layouts = [
  { save_format: 'quantwright', weight_format: 'uint4', group_size: 32, bytes: weights / 2 + groups * (2 + 2) + 16 },
  { save_format: 'gptq', weight_format: 'uint4', group_size: 32, bytes: weights / 2 + groups * (2 + 0.5) + 4 * hidden },
  { save_format: 'gptq_v2', weight_format: 'int8', group_size: 32, bytes: weights + groups * (2 + 1) + 4 * hidden },
  { save_format: 'compressed-tensors', weight_format: 'int8', group_size: 32, bytes: weights + groups * 2 + 16 },
  { save_format: 'compressed-tensors', weight_format: 'int8', group_size: -1, compute_method: 'activate_quant', bytes: weights + vocabulary * 2 },
  { quant_method: 'bcq', save_format: 'quantwright', weight_format: 'uint4', group_size: 32, bytes: weights / 2 + groups * 4 * 2 + 16 },
  { quant_method: ['rtn', 'bcq'], save_format: 'quantwright', weight_format: 'uint4', group_size: 32, bytes: weights / 2 + groups * (4 * 2 + 4) + 16 },
];

for (const { bytes, ...layout } of layouts) {
  test(`${layout.save_format} ${layout.weight_format}${layout.quant_method === undefined ? '' : ` of ${layout.quant_method}`}: lm_head is stored in the planned size, and the model runs on it`, async (t) => {
    const directory = await madeModel(t, false);
    const config = { quant_method: 'rtn', ...layout };
    const [plain, quantized] = [await made(t, directory, config), await made(t, directory, { ...config, lm_head: true })];
    assert.ok(!plain.result.modules.some(({ module }) => module === 'lm_head'));
    assert.equal(quantized.result.modules.at(-1)?.module, 'lm_head');
    assert.equal(quantized.result.modules.length, plain.result.modules.length + 1);
    assert.equal(((quantized.result.modules.at(-1)?.bitsPerWeight ?? 0) * weights) / 8, bytes);

    const checkpoint = await openCheckpoint(quantized.outDir);
    const parts = checkpoint.names.filter((name) => name.startsWith('lm_head.'));
    assert.equal(
      parts.reduce((total, name) => total + checkpoint.info(name).bytes, 0),
      bytes,
    );
    const said = JSON.parse(await readFile(join(quantized.outDir, 'config.json'), 'utf8')).quantization_config;
    if (layout.save_format.startsWith('gptq')) assert.equal(said.lm_head, true);
    if (layout.save_format === 'compressed-tensors') {
      assert.deepEqual(said.ignore, []);
      const without = JSON.parse(await readFile(join(plain.outDir, 'config.json'), 'utf8')).quantization_config;
      assert.deepEqual(without.ignore, ['lm_head']);
    }

    // The blocks are the same, so the logits differ by the rounding of lm_head, and by nothing else: the float matrix has them exactly, the rounded one nearly.
    const [reference, got] = [
      await logitsOf(await loadModel(plain.outDir, { binding }), ids),
      await logitsOf(await loadModel(quantized.outDir, { binding }), ids),
    ];
    const error = relativeError(got, reference);
    t.diagnostic(`relative error of the logits ${error.toExponential(2)}`);
    assert.ok(error > 0 && error < (layout.weight_format === 'uint4' ? 0.12 : 0.015), String(error));

    const inspected = await inspectPath(quantized.outDir);
    assert.equal(inspected.parameters, (await inspectPath(directory)).parameters);
  });
}

test('"ignore" and "overrides" reach lm_head as every other module', async (t) => {
  const directory = await madeModel(t, false);
  const config = { quant_method: 'rtn', weight_format: 'uint4', group_size: 32, save_format: 'quantwright', lm_head: true };
  const ignored = await made(t, directory, { ...config, ignore: ['lm_head'] });
  assert.ok(!ignored.result.modules.some(({ module }) => module === 'lm_head'));
  const wider = await made(t, directory, { ...config, overrides: { lm_head: { weight_format: 'uint8' } } });
  assert.equal(wider.result.modules.at(-1)?.codec, 'q8');
  assert.deepEqual((await openCheckpoint(wider.outDir)).info('lm_head.qweight').shape, [hidden / 4, vocabulary]);
  await loadModel(wider.outDir, { binding });
});

test('a model that ties its output matrix is refused before a weight is read, in the words of the editor', async (t) => {
  const directory = await madeModel(t, true);
  await assert.rejects(
    made(t, directory, { quant_method: 'rtn', weight_format: 'uint4', group_size: 32, lm_head: true }),
    (error) => error instanceof EngineError && error.kind === 'config' && /QC018: "lm_head" asks for .* no output matrix of its own/.test(error.message),
  );
});

async function made(t: TestContext, directory: string, config: object) {
  const work = await mkdtemp(join(tmpdir(), 'quantwright-head-'));
  t.after(() => rm(work, { recursive: true, force: true }));
  const [configPath, outDir] = [join(work, 'a.quant.json'), join(work, 'out')];
  await writeFile(configPath, JSON.stringify(config));
  return { outDir, result: await quantizeModel({ modelDir: directory, configPath, outDir }, { loadBinding: async () => binding }) };
}

async function madeModel(t: TestContext, tied: boolean): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-head-model-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const config = { ...modelConfig, tie_word_embeddings: tied };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  const shape = modelShapeFromConfig(config);
  assert.ok(isShape(shape));
  const shapes = new Map<string, readonly number[]>([
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ['model.norm.weight', [hidden]],
  ]);
  for (const { kind, module, in: cols, out: rows } of shape.linears) {
    for (let layer = 0; layer < (kind === 'lm_head' ? 1 : shape.layers); layer++) shapes.set(`${module.replace('{i}', String(layer))}.weight`, [rows, cols]);
  }
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) shapes.set(`model.layers.${layer}.${norm}.weight`, [hidden]);
  }
  await writeRandomCheckpoint(directory, shapes);
  return directory;
}

function relativeError(got: Float32Array, wanted: Float32Array): number {
  assert.equal(got.length, wanted.length);
  let [difference, all] = [0, 0];
  for (let index = 0; index < got.length; index++) {
    difference += ((got[index] ?? Number.NaN) - (wanted[index] ?? 0)) ** 2;
    all += (wanted[index] ?? 0) ** 2;
  }
  return Math.sqrt(difference / all);
}
