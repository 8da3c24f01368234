// What methods cost on models: perplexity of a text, answers of a question set, tokens a second and size, for lists of configs x calibration texts.
//   node bench/quality.mjs --evaluation FILE [--set weights|activations|FILE.json] [--model [NAME=]DIR]... [--qa FILE.jsonl] [--calibration NAME=FILE]...
//     [--only REGEX] [--window 1024] [--max-tokens N] [--questions N] [--repeats 3] [--json FILE] [--shard 0/1]
// A FILE.json of configs: {"label": {config}, ...}. Prints a Markdown table for RESULTS.md, a line as soon as it is measured; a config that cannot be run has a line that
// says why. With several models the last table compares their perplexities, and the exit code is 1 when any line failed. Needs the compiled project (npm run build).
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { activationJobs } from './quality/activations.mjs';
import { weightJobs } from './quality/weights.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    set: { type: 'string', default: 'weights' },
    model: { type: 'string', multiple: true, default: [join(root, 'models', 'quill-16m')] },
    evaluation: { type: 'string' },
    qa: { type: 'string' },
    calibration: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', default: '' },
    window: { type: 'string', default: '1024' },
    'max-tokens': { type: 'string' },
    questions: { type: 'string' },
    repeats: { type: 'string', default: '0' },
    json: { type: 'string' },
    shard: { type: 'string', default: '0/1' },
  },
});
if (options.evaluation === undefined) throw new Error('name a text with --evaluation FILE');

const engine = (path) => import(join(root, 'engine', 'out', path));
const { loadBinding } = await engine('jobs/binding.js');
const { quantizeModel } = await engine('pipeline/quantize.js');
const { measureModel } = await import('./quality/measure.mjs');
const binding = await loadBinding();

const named = (text) => (text.includes('=') ? { name: text.slice(0, text.indexOf('=')), path: resolve(text.slice(text.indexOf('=') + 1)) } : null);
const models = options.model.map((text) => named(text) ?? { name: basename(resolve(text)), path: resolve(text) });
const texts = options.calibration.map((text) => named(text) ?? { name: basename(text), path: resolve(text) });
const questions =
  options.qa === undefined
    ? []
    : readFileSync(options.qa, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
const asked = options.questions === undefined ? questions : spread(questions, Number(options.questions));
const measured = {
  text: readFileSync(options.evaluation, 'utf8'),
  window: Number(options.window),
  maxTokens: options['max-tokens'] === undefined ? null : Number(options['max-tokens']),
  questions: asked,
  repeats: Number(options.repeats),
};
const lists = { weights: weightJobs, activations: activationJobs };
const jobs = options.set in lists ? lists[options.set]() : JSON.parse(readFileSync(options.set, 'utf8'));
const wanted = Object.entries(jobs).filter(([label]) => new RegExp(options.only).test(label));
const [shard, shards] = options.shard.split('/').map(Number);

/** Every n-th. */
function spread(items, count) {
  return Array.from({ length: Math.min(count, items.length) }, (_, index) => items[Math.floor((index * items.length) / Math.min(count, items.length))]);
}

const rows = [];
const number = (value, digits) => (value === null || value === undefined ? '' : value.toFixed(digits));
const told = (row) => {
  rows.push(row);
  if (options.json !== undefined) appendFileSync(options.json, `${JSON.stringify(row)}\n`);
  const values =
    row.failed === undefined
      ? [
          number(row.perplexity, 3),
          row.accuracy === null ? '' : `${(100 * row.accuracy).toFixed(1)} %`,
          number(row.prefill, 0),
          number(row.decode, 0),
          (row.bytes / 1e6).toFixed(1),
          number(row.bitsPerWeight, 2),
          number(row.seconds, 1),
        ]
      : [`failed: ${row.failed}`, '', '', '', '', '', ''];
  console.log(`| ${[row.label, row.alpha === undefined ? (row.calibration ?? '') : `${row.calibration}, alpha ${row.alpha}`, ...values].join(' | ')} |`);
};

const work = mkdtempSync(join(tmpdir(), 'quantwright-quality-'));
try {
  for (const { name: model, path: modelDir } of models) {
    console.log(
      `\n${model}:\n\n| method | calibration | perplexity | QA | prefill tok/s | decode tok/s | MB | bits/weight | seconds |\n|---|---|---|---|---|---|---|---|---|`,
    );
    if (shard === 0 && new RegExp(options.only).test('as stored'))
      told({ model, label: 'as stored', calibration: null, ...(await measureModel(binding, modelDir, measured)) });
    for (const [index, [label, config]] of wanted.entries()) {
      if (index % shards !== shard) continue;
      const places =
        config.calibration === undefined || texts.length === 0 ? [{ name: config.calibration === undefined ? null : 'built in', path: null }] : texts;
      for (const { name: calibration, path } of places) {
        const configPath = join(work, 'job.quant.json');
        writeFileSync(configPath, JSON.stringify(path === null ? config : { ...config, calibration: { ...config.calibration, dataset: path } }));
        const outDir = join(work, 'out');
        try {
          const { bitsPerWeight, seconds, alphas } = await quantizeModel(
            { modelDir, configPath, outDir, overwrite: true },
            { loadBinding: async () => binding },
          );
          const made = { bitsPerWeight, seconds, ...(alphas === undefined ? {} : { alpha: alphas.chosen, alphas: alphas.alphas }) };
          told({ model, label, calibration, ...made, ...(await measureModel(binding, outDir, measured)) });
        } catch (cause) {
          const failed = (cause instanceof Error ? cause.message : String(cause)).replaceAll('|', '/').replaceAll('\n', ' ').replaceAll(work, '').slice(0, 200);
          told({ model, label, calibration, failed });
        }
      }
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
if (models.length > 1) compareModels();
const failures = rows.filter(({ failed }) => failed !== undefined);
if (failures.length > 0) {
  console.log(`\n${failures.length} of ${rows.length} could not be measured: ${failures.map(({ model, label }) => `${label} (${model})`).join(', ')}`);
  process.exitCode = 1;
}

/** Perplexity by model, and how much of it the method added. */
function compareModels() {
  const columns = models.map(({ name }) => name);
  console.log(`\n| method | ${columns.join(' | ')} |\n|---|${columns.map(() => '---').join('|')}|`);
  for (const key of new Set(rows.map(({ label, calibration }) => JSON.stringify([label, calibration])))) {
    const [label, calibration] = JSON.parse(key);
    const cells = columns.map((model) => {
      const row = rows.find((one) => one.model === model && one.label === label && one.calibration === calibration);
      const float = rows.find((one) => one.model === model && one.label === 'as stored');
      if (row?.perplexity === undefined) return row === undefined ? 'not in this shard' : 'failed';
      const more =
        float === undefined || float === row
          ? ''
          : ` (${row.perplexity >= float.perplexity ? '+' : ''}${(100 * (row.perplexity / float.perplexity - 1)).toFixed(1)} %)`;
      return `${row.perplexity.toFixed(3)}${more}`;
    });
    console.log(`| ${label}${calibration === null || texts.length < 2 ? '' : `, ${calibration}`} | ${cells.join(' | ')} |`);
  }
}
