// LLM.int8() through the pipeline: a model saved as bitsandbytes is what transformers loads, runs by its rule, and is the one that our own layout holds.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { quantizeModel } from './quantize.ts';

const binding = await loadBinding();
const quill = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'models', 'quill-16m');
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * index * 31 + 7) % 8192);

async function quantized(t: TestContext, config: Readonly<Record<string, unknown>>) {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-llm-int8-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [configPath, outDir] = [join(directory, 'a.quant.json'), join(directory, 'out')];
  await writeFile(configPath, JSON.stringify(config));
  const result = await quantizeModel({ modelDir: quill, configPath, outDir }, { loadBinding: async () => binding });
  const logits = await logitsOf(await loadModel(outDir, { binding }), ids);
  return { outDir, result, logits, text: await readFile(join(outDir, 'config.json'), 'utf8') };
}

function error(actual: Float32Array, wanted: Float32Array): number {
  let [difference, size] = [0, 0];
  for (const [index, value] of wanted.entries()) {
    difference += ((actual[index] ?? Number.NaN) - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}

test('bitsandbytes: the tensors and settings of its layout, and the logits that our own layout gives', async (t) => {
  const job = { quant_method: 'llm_int8', ignore: ['.*layers\\.7\\.mlp'] };
  const [bnb, own] = [await quantized(t, { ...job, save_format: 'bitsandbytes' }), await quantized(t, job)];
  assert.deepEqual(new Set(bnb.result.modules.map(({ codec }) => codec)), new Set(['llm_int8']));

  const { quantization_config: settings } = JSON.parse(bnb.text) as { readonly quantization_config: Readonly<Record<string, unknown>> };
  assert.equal(settings['load_in_8bit'], true);
  assert.deepEqual(settings['llm_int8_skip_modules'], [...['gate', 'up', 'down'].map((name) => `model.layers.7.mlp.${name}_proj`), 'lm_head']);
  // transformers: "llm_int8_threshold must be a float".
  assert.match(bnb.text, /"llm_int8_threshold": 6\.0,/);
  const checkpoint = await openCheckpoint(bnb.outDir);
  const layout = ['weight', 'SCB', 'weight_format'].map((suffix) => checkpoint.info(`model.layers.0.mlp.down_proj.${suffix}`));
  assert.deepEqual(
    layout.map(({ dtype, shape }) => [dtype, shape]),
    [
      ['I8', [384, 1024]],
      ['F32', [384]],
      ['U8', []],
    ],
  );
  // SCB / 127 may differ from the scale by its last bit, which moves an activation to the next code now and then.
  assert.ok(error(bnb.logits, own.logits) < 0.02, String(error(bnb.logits, own.logits)));
  const dense = await logitsOf(await loadModel(quill, { binding }), ids);
  assert.ok(error(bnb.logits, dense) < 0.05, String(error(bnb.logits, dense)));
});

test('the threshold of the config is what is computed with', async (t) => {
  const [usual, low] = [await quantized(t, { quant_method: 'llm_int8' }), await quantized(t, { quant_method: 'llm_int8', llm_int8: { threshold: 0.001 } })];
  const dense = await logitsOf(await loadModel(quill, { binding }), ids);
  // Nearly all columns stay in floating point: what is left is the error of the weights.
  assert.ok(error(low.logits, dense) < error(usual.logits, dense), `${error(low.logits, dense)}, ${error(usual.logits, dense)}`);
  assert.match(low.text, /"threshold": 0\.001/);
});
