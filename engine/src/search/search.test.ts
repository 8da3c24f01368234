// A search from config to model on the embedded model: the mix keeps its budget, is an ordinary config that gives the same files, and loses less than equal settings.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { measureDivergence } from '../eval/divergence.ts';
import { readTextFile } from '../eval/text-file.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { judgeJob } from '../pipeline/judge.ts';
import { quantizeModel } from '../pipeline/quantize.ts';
import { searchRecipe } from './search.ts';

const binding = await loadBinding();
const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const quill = join(project, 'models', 'quill-16m');
const calibration = { dataset: 'text.txt', samples: 8, sequence_length: 64 };
const search = {
  method: 'rtn',
  granularity: 'input',
  samples: 4,
  sequence_length: 32,
  candidates: [
    { weight_format: 'uint3', group_size: 64 },
    { weight_format: 'uint4', group_size: 64 },
    { weight_format: 'uint8', group_size: 128 },
  ],
};
const auto = { quant_method: 'auto', target_bits: 4.39, search, calibration, save_format: 'gptq_v2' };

async function workspace(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'quantwright-search-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const text = await readTextFile(join(project, 'models', 'texts', 'quant_chat_calibration.txt'));
  await writeFile(join(root, 'text.txt'), text);
  const write = async (name: string, config: unknown): Promise<string> => {
    await writeFile(join(root, name), JSON.stringify(config));
    return join(root, name);
  };
  return { root, text, write, path: (name: string) => join(root, name) };
}

test('the mix keeps its budget, gives the same files by hand, and loses less than equal settings of its size', async (t) => {
  const { text, write, path } = await workspace(t);
  const configPath = await write('auto.quant.json', auto);
  const events: string[] = [];
  const result = await quantizeModel(
    { modelDir: quill, configPath, outDir: path('auto') },
    { loadBinding: async () => binding, onProgress: ({ phase }) => void events.push(phase) },
  );
  assert.equal(events.filter((phase) => phase === 'search').length, 32);
  assert.ok(result.bitsPerWeight <= 4.39 && result.bitsPerWeight > 4.2, String(result.bitsPerWeight));
  assert.ok(new Set(result.modules.map(({ codec }) => codec)).size > 1);

  const found = await readFile(join(path('auto'), 'recipe.quant.json'), 'utf8');
  assert.equal(JSON.parse(found).quant_method, 'rtn');
  const again = await quantizeModel(
    { modelDir: quill, configPath: join(path('auto'), 'recipe.quant.json'), outDir: path('again') },
    { loadBinding: async () => binding },
  );
  assert.equal(again.bitsPerWeight, result.bitsPerWeight);
  assert.deepEqual(await readFile(join(path('again'), 'model.safetensors')), await readFile(join(path('auto'), 'model.safetensors')));

  const equal = await write('equal.quant.json', { quant_method: 'rtn', weight_format: 'uint4', group_size: 64, save_format: 'gptq_v2' });
  const uniform = await quantizeModel({ modelDir: quill, configPath: equal, outDir: path('equal') }, { loadBinding: async () => binding });
  const reference = await loadModel(quill, { binding });
  const ids = (await reference.tokenizer()).encode(text, { specialTokens: true }).subarray(0, 512);
  const lost = async (directory: string): Promise<number> => (await measureDivergence(reference, await loadModel(directory, { binding }), ids)).meanNats;
  const [mixed, plain] = [await lost(path('auto')), await lost(path('equal'))];
  t.diagnostic(
    `nats lost: ${mixed.toFixed(4)} with ${result.bitsPerWeight.toFixed(3)} bits, ${plain.toFixed(4)} with ${uniform.bitsPerWeight.toFixed(3)} bits`,
  );
  assert.ok(mixed < plain);
});

test('losses that are measured add up to what the mix loses, and fewer bits lose more', async (t) => {
  const { text, write, path } = await workspace(t);
  const configPath = await write('auto.quant.json', { ...auto, target_bits: 8.5 });
  const job = await judgeJob(configPath, quill);
  assert.ok(job.recipe.search);
  const report = await searchRecipe(job, job.recipe.search, { modelDir: quill, configPath, foundPath: path('found.quant.json') }, { binding });
  for (const { candidates } of report.parts) {
    const [three = 0, four = 0, eight = 0] = candidates.map(({ nats }) => nats);
    assert.ok(three > four && four > 100 * eight, candidates.map(({ nats }) => nats).join());
  }
  assert.deepEqual(new Set(report.parts.map(({ chosen }) => chosen)), new Set(['uint8 g128']));
  assert.ok(text.length > 0);
});

test('a budget that nothing fits is refused with what is needed, before a weight is read', async (t) => {
  const { write, path } = await workspace(t);
  const configPath = await write('auto.quant.json', { ...auto, target_bits: 3 });
  const started = quantizeModel({ modelDir: quill, configPath, outDir: path('out') }, { loadBinding: async () => binding });
  await assert.rejects(started, /target_bits 3 is too small: the smallest candidates need 3\.3\d? bits per weight/);
});
