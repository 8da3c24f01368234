// Jobs with calibration, from config to files: every layout and option runs, what cannot work is refused before anything is read, and a cancelled job leaves
// nothing behind. On the embedded model the result is closer to the original than rounding to nearest.
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { QuantizeParams, QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { EngineError } from '../errors.ts';
import { logitsOf } from '../eval/logits.ts';
import { measurePerplexity } from '../eval/perplexity.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { quantizeModel } from './quantize.ts';
import { quill, texts, workspace } from './testing/calibrated-jobs.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 24 }, (_, index) => (index * 337 + 5) % 8192);
const small = { calibration: { dataset: 'text.txt', samples: 8, sequence_length: 24 } };

const jobs = [
  { weight_format: 'uint4', group_size: 32, desc_act: true },
  { weight_format: 'int4', group_size: 32, desc_act: true, static_groups: true, save_format: 'compressed-tensors' },
  { weight_format: 'uint3', group_size: 32, mse_search: true, save_format: 'gptq_v2' },
  { weight_format: 'int8', true_sequential: true },
  { weight_format: 'uint8', group_size: 43, desc_act: true, save_format: 'quantwright', lm_head: true },
  { weight_format: 'uint2', group_size: 16, save_format: 'quantwright', scale_type: 'bfloat16' },
];

for (const job of jobs) {
  test(`gptq ${JSON.stringify(job)}: the result runs, and is what the plan said`, async (t) => {
    const work = await workspace(t);
    const model = await work.model();
    const events: QuantizeProgress[] = [];
    const made = await work.quantize(model, { ...job, ...small }, { onProgress: (event) => void events.push(event) });
    assert.equal(made.result.modules.length, job.lm_head === true ? 15 : 14);
    assert.deepEqual([events[0]?.phase, events[1]?.phase, events.at(-1)?.phase], ['plan', 'calibrate', 'write']);
    const runs = events.flatMap((event) => (event.phase === 'calibrate' && event.sequencesDone === event.sequences ? [event.block] : []));
    // One pass to observe and one to go on, but behind the last block; with true_sequential four to observe.
    assert.deepEqual(runs, job.true_sequential === true ? [0, 0, 0, 0, 0, 1, 1, 1, 1] : job.lm_head === true ? [0, 0, 1, 1] : [0, 0, 1]);
    const before = await logitsOf(await loadModel(model, { binding }), ids);
    const after = await logitsOf(await loadModel(made.outDir, { binding }), ids);
    const bits = Number(job.weight_format.slice(-1));
    const error = relativeError(after, before);
    t.diagnostic(`relative error of the logits ${error.toFixed(4)}`);
    // Random weights pass errors on: about 4.5 steps of the codes arrive at the logits.
    assert.ok(error > 0 && error < Math.min(1, 6 * 2 ** -bits), String(error));
  });
}

test('a quantize_config.json of other tools is a job too; the command names the text', async (t) => {
  const work = await workspace(t);
  const config = { quant_method: 'gptq', bits: 4, group_size: 32, desc_act: true, sym: true, damp_percent: 0.05 };
  const configPath = join(work.root, 'quantize_config.json');
  await writeFile(configPath, JSON.stringify(config));
  const calibrationPath = join(texts, 'quant_chat_evaluation.txt');
  const outDir = join(work.root, 'out');
  const result = await quantizeModel({ modelDir: await work.model(), configPath, outDir, calibrationPath }, { loadBinding: async () => binding });
  assert.deepEqual([result.method, result.saveFormat], ['gptq', 'gptq']);
  const said = JSON.parse(await readFile(join(outDir, 'config.json'), 'utf8')).quantization_config;
  assert.deepEqual([said.sym, said.desc_act, said.true_sequential, said.damp_percent], [true, true, true, 0.05]);
  await loadModel(outDir, { binding });
});

test('the same job gives the same bytes, and files say how they were made', async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const config = { weight_format: 'uint4', group_size: 32, desc_act: true, true_sequential: true, damp_percent: 0.02, ...small };
  const [first, second] = [await work.quantize(model, config), await work.quantize(model, config)];
  const name = 'model.safetensors';
  assert.ok((await readFile(join(first.outDir, name))).equals(await readFile(join(second.outDir, name))));
  const said = JSON.parse(await readFile(join(first.outDir, 'config.json'), 'utf8')).quantization_config;
  assert.deepEqual(
    [said.quant_method, said.bits, said.group_size, said.sym, said.desc_act, said.static_groups, said.true_sequential, said.damp_percent],
    ['gptq', 4, 32, false, true, false, true, 0.02],
  );
  const checkpoint = await openCheckpoint(first.outDir);
  assert.deepEqual(checkpoint.info('model.layers.0.mlp.down_proj.g_idx').shape, [96]);
});

test('too little text is used and said, and so is damping that had to be raised', async (t) => {
  const work = await workspace(t);
  const config = { weight_format: 'uint4', group_size: 32, damp_percent: 1e-9, calibration: { dataset: 'text.txt', samples: 2, sequence_length: 16 } };
  const { result } = await work.quantize(
    await work.model(),
    config,
    {},
    'a few words that are far too little to say anything at all about what this model is like',
  );
  const said = result.warnings.join('\n');
  assert.match(said, /text\.txt has 1[0-9] tokens and gives 1 of 2 calibration sequences of 1[0-9] tokens/);
  assert.match(said, /layers\.0\.self_attn\.q_proj, .*k_proj, .*v_proj: the inputs hang together too closely for damp_percent 1e-9; [0-9.e-]+ was used/);
});

test('what cannot work is refused before the addon is loaded, and leaves no output', async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const refused = async (config: object, words: RegExp, params: Partial<QuantizeParams> = {}, text?: string): Promise<void> => {
    const loadless = { loadBinding: () => assert.fail('the addon was asked for') };
    await assert.rejects(work.quantize(model, config, loadless, text, params), (error) => {
      assert.ok(error instanceof EngineError && error.kind === 'input', String(error));
      assert.match(error.message, words);
      return true;
    });
  };
  await refused({ weight_format: 'uint4', calibration: { dataset: 'none.txt' } }, /none\.txt: no such file/);
  await refused({ weight_format: 'uint4', ...small }, /text\.txt has 2 tokens, too few to calibrate with/, {}, 'hi');
  assert.deepEqual(
    (await readdir(work.root)).filter((name) => name.startsWith('out')),
    [],
  );
});

test('a job that is cancelled while it calibrates leaves nothing behind', async (t) => {
  const work = await workspace(t);
  const model = await work.model();
  const cancel = new AbortController();
  let runs = 0;
  const onProgress = (event: QuantizeProgress): void => {
    if (event.phase === 'calibrate' && event.block === 1) runs++;
    if (runs === 1) cancel.abort(new Error('enough'));
  };
  const config = { weight_format: 'uint4', group_size: 32, calibration: { dataset: 'text.txt', samples: 64, sequence_length: 64 } };
  await assert.rejects(
    work.quantize(model, config, { onProgress, signal: cancel.signal }, 'one two three four five six seven eight nine ten. '.repeat(600)),
    /enough/,
  );
  assert.equal(runs, 1);
  assert.deepEqual(
    (await readdir(work.root)).filter((name) => name.startsWith('out')),
    [],
  );
});

test('on the embedded model 3-bit weights lose less than by rounding to nearest', async (t) => {
  const work = await workspace(t);
  const calibration = { dataset: join(texts, 'quant_chat_calibration.txt'), samples: 32, sequence_length: 128 };
  const gptq = await work.quantize(quill, { weight_format: 'int3', group_size: 128, calibration });
  const rtn = await work.quantize(quill, { quant_method: 'rtn', weight_format: 'int3', group_size: 128, save_format: 'gptq' });
  const text = await readFile(join(texts, 'quant_chat_evaluation.txt'), 'utf8');
  const perplexity = async (directory: string): Promise<number> =>
    (await measurePerplexity(await loadModel(directory, { binding }), text, { window: 256, maxTokens: 2048 })).perplexity;
  const [before, byGptq, byRtn] = [await perplexity(quill), await perplexity(gptq.outDir), await perplexity(rtn.outDir)];
  t.diagnostic(`perplexity ${before.toFixed(3)}, gptq ${byGptq.toFixed(3)}, rtn ${byRtn.toFixed(3)}`);
  assert.ok(byGptq - before < 0.8 * (byRtn - before));
});

function relativeError(got: Float32Array, wanted: Float32Array): number {
  let [difference, all] = [0, 0];
  for (let index = 0; index < wanted.length; index++) {
    difference += ((got[index] ?? Number.NaN) - (wanted[index] ?? 0)) ** 2;
    all += (wanted[index] ?? 0) ** 2;
  }
  return Math.sqrt(difference / all);
}
