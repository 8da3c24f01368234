// Speed beside llama.cpp (node-llama-cpp, prebuilt) in one run: prefill and decode tokens/s of the same weights in the nearest types.
//   node bench/run.mjs [--models DIR] [--only quill-16m|1b] [--threads 2] [--rounds 3] [--repeats 3]
// Our process and the peer's alternate (A B A B), so that a drifting clock hits both. Prints Markdown for RESULTS.md.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeModel } from './make-model.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: join(here, 'data') },
    only: { type: 'string' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '3' },
    prompt: { type: 'string', default: '128' },
    tokens: { type: 'string', default: '64' },
  },
});

/** Our type, its config (null: as stored), and the peer's nearest type: same bits per weight within half a bit. */
const pairs = [
  { ours: 'bf16', config: null, peer: 'bf16' },
  { ours: 'bf16', config: null, peer: 'f16' },
  { ours: 'A16W8 per channel', config: 'a16w8', peer: 'q8_0' },
  { ours: 'A8W8', config: 'a8w8', peer: 'q8_0' },
  { ours: 'A16W4 g32', config: 'a16w4', peer: 'q4_0' },
  // The peer's file has its output matrix in q4_0 too. Not for models that tie it.
  { ours: 'A16W4 g32, lm_head too', config: 'a16w4-lm-head', peer: 'q4_0', untied: true },
];

function child(script, args) {
  const result = spawnSync(process.execPath, [join(here, script), ...args.map(String)], { encoding: 'utf8', maxBuffer: 1e8 });
  if (result.status !== 0) throw new Error(`${script} ${args.join(' ')}\n${result.stderr}`);
  return JSON.parse(result.stdout.trim().split('\n').pop());
}

function quantized(model, config) {
  if (config === null) return model.directory;
  const out = join(options.models, `${model.name}-${config}`);
  if (!existsSync(out))
    execFileSync(
      process.execPath,
      [join(root, 'dist', 'cli.js'), 'quantize', model.directory, '--config', join(root, 'examples', `${config}.quant.json`), '--out', out, '--json'],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
  return out;
}

/** The second of two loads with a cache of its own. */
function loadedFromCache(directory) {
  const cache = join(options.models, 'packed-cache');
  const load = () => child('ours.mjs', [directory, options.threads, 0, options.prompt, options.tokens, cache]);
  try {
    load();
    return load();
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

const tied = (model) => JSON.parse(readFileSync(join(model.directory, 'config.json'), 'utf8')).tie_word_embeddings === true;

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const spread = (list) => `${median(list).toFixed(1)} [${Math.min(...list).toFixed(1)}..${Math.max(...list).toFixed(1)}]`;

if (!existsSync(join(here, 'node_modules')))
  execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
mkdirSync(options.models, { recursive: true });
const names = options.only ? [options.only] : ['quill-16m', '1b'];
console.log(
  `CPU: ${cpus()[0].model}, ${options.threads} threads; commit ${execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()}\n`,
);
console.log(
  `| model | ours | peer type | prefill ${options.prompt} ours tok/s | peer | ratio | decode ${options.tokens} ours tok/s | peer | ratio | load ms ours / from cache / peer | first token ms (20-token prompt) ours / peer | peak MiB ours / peer |`,
);
console.log('|---|---|---|---|---|---|---|---|---|---|---|---|');
for (const name of names) {
  const model = makeModel(name === '1b' ? '1b' : join(root, 'models', name), options.models);
  for (const pair of pairs) {
    if (pair.untied && tied(model)) continue;
    const directory = quantized(model, pair.config);
    const ours = { prefill: [], decode: [] };
    const peer = { prefill: [], decode: [] };
    let a;
    let b;
    for (let round = 0; round < Number(options.rounds); round++) {
      a = child('ours.mjs', [directory, options.threads, options.repeats, options.prompt, options.tokens]);
      b = child(join('peers', 'node-llama-cpp.mjs'), [
        model.gguf[pair.peer],
        options.threads,
        options.repeats,
        options.prompt,
        options.tokens,
        name === '1b' ? 32000 : 8192,
      ]);
      ours.prefill.push(...a.prefill);
      ours.decode.push(...a.decode);
      peer.prefill.push(...b.prefill);
      peer.decode.push(...b.decode);
    }
    const cached = pair.config === null ? null : loadedFromCache(directory);
    const ratio = (key) => `${(median(ours[key]) / median(peer[key])).toFixed(2)}x`;
    console.log(
      `| ${name} | ${pair.ours} | ${pair.peer} | ${spread(ours.prefill)} | ${spread(peer.prefill)} | ${ratio('prefill')} | ${spread(ours.decode)} | ${spread(peer.decode)} | ${ratio('decode')} | ${a.loadMs.toFixed(0)} / ${cached === null ? '-' : cached.loadMs.toFixed(0)} / ${b.loadMs.toFixed(0)} | ${a.firstTokenMs.toFixed(0)} / ${b.firstTokenMs.toFixed(0)} | ${a.peakMiB.toFixed(0)} / ${b.peakMiB.toFixed(0)} |`,
    );
  }
}
if (process.env.QUANTWRIGHT_BENCH_CLEAN) rmSync(options.models, { recursive: true, force: true });
