// What every weight-only method costs on a model: perplexity of a text and answers of a question set, for methods x bits x group sizes x calibration texts.
//   node bench/quality.mjs --evaluation FILE [--model DIR] [--qa FILE.jsonl] [--calibration NAME=FILE]... [--only REGEX] [--window 1024] [--json FILE] [--shard 0/1]
// Prints a Markdown table for RESULTS.md, a line as soon as it is measured. Needs the compiled project (npm run build).
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const engine = (path) => import(join(root, 'engine', 'out', path));
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'models', 'quill-16m') },
    evaluation: { type: 'string' },
    qa: { type: 'string' },
    calibration: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', default: '' },
    window: { type: 'string', default: '1024' },
    json: { type: 'string' },
    shard: { type: 'string', default: '0/1' },
  },
});
if (options.evaluation === undefined) throw new Error('name a text with --evaluation FILE');

const groups = { 'per channel': -1, g128: 128, g32: 32 };
const quarters = { 4: 'uint4', 3: 'uint3', 2: 'uint2' };
const shapes = Object.entries(quarters).flatMap(([bits, weight_format]) =>
  Object.entries(groups).map(([name, group_size]) => ({ bits: Number(bits), name, weight_format, group_size })),
);
const calibrated = { save_format: 'quantwright', calibration: { samples: 64, sequence_length: 512 } };
const ours = { save_format: 'quantwright' };

/** Label -> config. Configs with `calibration` are measured once for each text. */
function jobs() {
  const list = {};
  const add = (label, config) => {
    list[label] = config;
  };
  for (const { bits, name, weight_format, group_size } of shapes) {
    const settings = { weight_format, group_size };
    const of = (method) => `${method} ${bits} bits ${name}`;
    add(of('rtn'), { quant_method: 'rtn', ...settings, ...ours });
    add(of('rtn mse_search'), { quant_method: 'rtn', mse_search: true, ...settings, ...ours });
    add(of('gptq'), { quant_method: 'gptq', desc_act: true, ...settings, ...calibrated });
    add(of('gptq in order'), { quant_method: 'gptq', ...settings, ...calibrated });
    add(of('awq'), { quant_method: 'awq', ...settings, ...calibrated });
    add(of('awq + gptq'), { quant_method: ['awq', 'gptq'], desc_act: true, ...settings, ...calibrated });
    add(of('smoothquant + gptq'), { quant_method: ['smoothquant', 'gptq'], desc_act: true, ...settings, ...calibrated });
    add(of('bcq'), { quant_method: 'bcq', ...settings, ...ours });
    if (group_size > 0 && bits > 2) add(of('teq 200 steps'), { quant_method: 'teq', teq: { steps: 200 }, ...settings, ...calibrated });
  }
  for (const group_size of [8, 16, 32, 64, 128]) {
    add(`qrazor 4 bits g${group_size}`, { quant_method: 'qrazor', weight_format: 'int4', group_size, ...ours });
    add(`gptq + qrazor 4 bits g${group_size}`, { quant_method: ['gptq', 'qrazor'], weight_format: 'int4', group_size, desc_act: true, ...calibrated });
  }
  for (const group_size of [32, 64, 128]) {
    for (const weight_format of ['nf4', 'fp4']) add(`rtn ${weight_format} g${group_size}`, { quant_method: 'rtn', weight_format, group_size, ...ours });
  }
  add('spqr 3.99 bits (3 bits g16)', { quant_method: 'spqr', weight_format: 'uint3', group_size: 16, target_bits: 3.99, ...calibrated });
  add('spqr 3.07 bits (2 bits g32)', { quant_method: 'spqr', weight_format: 'uint2', group_size: 32, target_bits: 3.07, ...calibrated });
  for (const target_bits of [4.5, 4, 3.5, 3]) add(`auto ${target_bits} bits`, { quant_method: 'auto', target_bits, desc_act: true, ...calibrated });
  return list;
}

const { loadBinding } = await engine('jobs/binding.js');
const { quantizeModel } = await engine('pipeline/quantize.js');
const { loadModel } = await engine('model/load.js');
const { measurePerplexity } = await engine('eval/perplexity.js');
const { createChat } = await engine('chat/chat.js');
const binding = await loadBinding();
const text = readFileSync(options.evaluation, 'utf8');
const questions =
  options.qa === undefined
    ? []
    : readFileSync(options.qa, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
const texts = options.calibration.map((named) => named.split('=')).map(([name, file]) => ({ name, file: resolve(file) }));

/** Share of the questions whose greedy answer contains the key. */
async function accuracy(model) {
  const chat = await createChat(model, 8);
  const waiting = [...questions];
  let right = 0;
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      const { text: answer } = await chat.turn({ messages: [{ role: 'user', content: item.question }], sampling: { temperature: 0, maxTokens: 60 } });
      if (answer.includes(item.key)) right++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return right / questions.length;
}

async function measure(label, calibration, directory, result) {
  const model = await loadModel(directory, { binding });
  const { perplexity } = await measurePerplexity(model, text, { window: Number(options.window) });
  const answers = questions.length === 0 ? null : await accuracy(model);
  model.dispose();
  const row = { label, calibration, bitsPerWeight: result?.bitsPerWeight ?? null, perplexity, accuracy: answers, seconds: result?.seconds ?? null };
  if (options.json !== undefined) appendFileSync(options.json, `${JSON.stringify(row)}\n`);
  const cells = [
    label,
    calibration ?? '',
    row.bitsPerWeight?.toFixed(2) ?? '',
    perplexity.toFixed(3),
    answers === null ? '' : `${(100 * answers).toFixed(1)} %`,
    row.seconds?.toFixed(1) ?? '',
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

console.log('| method | calibration | bits/weight | perplexity | QA | seconds |\n|---|---|---|---|---|---|');
if (new RegExp(options.only).test('as stored')) await measure('as stored', null, options.model, null);
const [shard, shards] = options.shard.split('/').map(Number);
const wanted = Object.entries(jobs()).filter(([label]) => new RegExp(options.only).test(label));
const work = mkdtempSync(join(tmpdir(), 'quantwright-quality-'));
try {
  for (const [index, [label, config]] of wanted.entries()) {
    if (index % shards !== shard) continue;
    for (const { name, file } of config.calibration === undefined ? [{ name: null, file: null }] : texts) {
      const configPath = join(work, 'job.quant.json');
      writeFileSync(configPath, JSON.stringify(file === null ? config : { ...config, calibration: { ...config.calibration, dataset: file } }));
      const outDir = join(work, 'out');
      try {
        const result = await quantizeModel({ modelDir: options.model, configPath, outDir, overwrite: true }, { loadBinding: async () => binding });
        await measure(label, name, outDir, result);
      } catch (cause) {
        console.log(`| ${label} | ${name ?? ''} | ${cause instanceof Error ? cause.message.replaceAll('|', '/').slice(0, 200) : cause} | | | |`);
      }
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
