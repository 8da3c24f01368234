// Jobs of ZeroQuant from config to logits: settings of the paper, parts of the flat matrix, settings of modules, and DeepSpeed's own config.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { logitsOf } from '../../eval/logits.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { loadModel } from '../../model/load.ts';
import { quantizeModel } from '../../pipeline/quantize.ts';
import { workspace } from '../../pipeline/testing/calibrated-jobs.ts';
import { staticScale } from './static.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * 337 + 5) % 8192);
const fourInMlp = { overrides: { '.*mlp': { weight_format: 'int4' } } };
const text = { calibration: { dataset: 'text.txt', samples: 8, sequence_length: 24 } };

/** `error`: of the logits, at most; random weights pass errors on. */
const jobs: readonly { readonly name: string; readonly config: object; readonly error: number }[] = [
  { name: 'W8A8', config: { weight_format: 'int8' }, error: 0.05 },
  { name: 'W8A8 with zero points on both sides', config: { weight_format: 'uint8', activations: { symmetric: false } }, error: 0.05 },
  { name: 'W8A8 in 128 parts', config: { weight_format: 'int8', zeroquant: { quantize_groups: 128 } }, error: 0.05 },
  { name: 'W4/8 A8', config: { weight_format: 'int8', ...fourInMlp }, error: 0.2 },
  {
    name: 'W4/8 A8 in 32 parts, with zero points',
    config: { weight_format: 'uint8', activations: { symmetric: false }, zeroquant: { quantize_groups: 32 }, ...fourInMlp },
    error: 0.2,
  },
  { name: 'W4A4', config: { weight_format: 'int4', activations: { bits: 4 } }, error: 0.4 },
  {
    name: 'W4A4 with zero points in 128 parts',
    config: { weight_format: 'uint4', activations: { bits: 4, symmetric: false }, zeroquant: { quantize_groups: 128 } },
    error: 0.4,
  },
  { name: 'signs and 8-bit activations', config: { weight_format: 'uint1', zeroquant: { quantize_groups: 32 } }, error: 1.2 },
  { name: 'W8A8 with a static range', config: { weight_format: 'int8', activations: { dynamic: false }, ...text }, error: 0.1 },
  { name: 'W4/8 A16', config: { weight_format: 'int8', compute_method: 'weight_only', ...fourInMlp }, error: 0.2 },
  {
    name: 'W4/8 A16 in 32 parts',
    config: { weight_format: 'int8', compute_method: 'weight_only', zeroquant: { quantize_groups: 32 }, ...fourInMlp },
    error: 0.2,
  },
  {
    name: 'W3A16 with zero points in 128 parts',
    config: { weight_format: 'uint3', compute_method: 'weight_only', zeroquant: { quantize_groups: 128 } },
    error: 0.7,
  },
  { name: 'ternary weights', config: { weight_format: 'int2', compute_method: 'weight_only', group_size: 16 }, error: 0.95 },
  { name: 'signs', config: { weight_format: 'uint1', compute_method: 'weight_only', zeroquant: { quantize_groups: 32 } }, error: 1.2 },
];

for (const { name, config, error } of jobs) {
  test(`${name}: the job runs, and its error is that of its bits`, async (t) => {
    const work = await workspace(t);
    const model = await work.model();
    const { outDir, result } = await work.quantize(model, { quant_method: 'zeroquant', ...config });
    assert.deepEqual([result.method, result.saveFormat, result.modules.length], ['zeroquant', 'quantwright', 14]);
    const before = await logitsOf(await loadModel(model, { binding }), ids);
    const after = await logitsOf(await loadModel(outDir, { binding }), ids);
    const lost = relativeError(after, before);
    t.diagnostic(`relative error of the logits ${lost.toFixed(4)}`);
    assert.ok(lost > 0 && lost < error, String(lost));
  });
}

test('modules have bits and activations of their own, and the result says so', async (t) => {
  const work = await workspace(t);
  const overrides = { '.*layers.0.mlp': { activations: { bits: 4 } }, '.*mlp': { weight_format: 'int4', activations: null } };
  const { outDir } = await work.quantize(await work.model(), { quant_method: 'zeroquant', overrides });
  const said = JSON.parse(await readFile(join(outDir, 'config.json'), 'utf8')).quantization_config;
  const of = (module: string): unknown => {
    const { bits, compute_method: computing, activations } = { ...said, ...said.modules?.[module] };
    return [bits, computing, computing === 'activate_quant' ? activations.bits : null];
  };
  assert.deepEqual(of('model.layers.0.self_attn.q_proj'), [8, 'activate_quant', 8]);
  assert.deepEqual(of('model.layers.0.mlp.up_proj'), [8, 'activate_quant', 4]);
  assert.deepEqual(of('model.layers.1.mlp.up_proj'), [4, 'weight_only', null]);
});

test("DeepSpeed's config is a job as it is: the same bytes as ours", async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const group = (name: string, bits: number): object => ({ params: { start_bits: bits, target_bits: bits }, modules: [name] });
  const training = {
    weight_quantization: {
      shared_parameters: { enabled: true, quantize_groups: 32, quantization_type: 'symmetric', quantize_weight_in_forward: true },
      different_groups: { wq1: group('self_attn', 8), wq2: group('mlp', 4) },
    },
  };
  const configPath = join(work.root, 'ds_config.json');
  await writeFile(configPath, JSON.stringify({ fp16: { enabled: false }, compression_training: training }));
  const theirs = join(work.root, 'theirs');
  await quantizeModel({ modelDir: model, configPath, outDir: theirs }, { loadBinding: async () => binding });
  const ours = await work.quantize(model, { quant_method: 'zeroquant', compute_method: 'weight_only', zeroquant: { quantize_groups: 32 }, ...fourInMlp });
  assert.ok((await readFile(join(theirs, 'model.safetensors'))).equals(await readFile(join(ours.outDir, 'model.safetensors'))));
});

test('what cannot be cut or rounded so is refused before a weight is read', async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const refused = (config: object, words: RegExp): Promise<void> => assert.rejects(work.quantize(model, { quant_method: 'zeroquant', ...config }), words);
  await refused(
    { zeroquant: { quantize_groups: 7 } },
    /quantize_groups 7 does not divide the 4096 weights of the 64 x 64 matrix; use 64 \(a part for every row\)/,
  );
  await refused({ zeroquant: { quantize_groups: 512 } }, /cuts the 96 x 64 matrix into parts of 12, whose ends leave groups of 4 columns|parts of 8/);
  await refused({ zeroquant: { quantize_groups: 32 }, group_size: 32 }, /quantize_groups 32 and group_size 32 both say which weights share a scale/);
  await refused({ weight_format: 'uint2', compute_method: 'weight_only' }, /zeroquant rounds 2-bit weights around 0 only \(ternary\)/);
  await refused({ weight_format: 'uint4', compute_method: 'weight_only', save_format: 'gptq' }, /gptq layout cannot say the zero points of zeroquant/);
});

test('a static scale has 2^bits steps over the range', () => {
  assert.deepEqual(staticScale({ low: -4, high: 4 }, { bits: 8, symmetric: true }), { scale: 8 / 256, zero: 128 });
  assert.deepEqual(staticScale({ low: -1, high: 7 }, { bits: 4, symmetric: false }), { scale: 0.5, zero: 2 });
  assert.deepEqual(staticScale({ low: -8, high: 0 }, { bits: 4, symmetric: false }), { scale: 0.5, zero: 15 });
  assert.deepEqual(staticScale({ low: 0, high: 0 }, { bits: 8, symmetric: true }), { scale: 1, zero: 128 });
});

function relativeError(got: Float32Array, wanted: Float32Array): number {
  let [difference, all] = [0, 0];
  for (const [index, value] of wanted.entries()) [difference, all] = [difference + ((got[index] ?? Number.NaN) - value) ** 2, all + value ** 2];
  return Math.sqrt(difference / all);
}
