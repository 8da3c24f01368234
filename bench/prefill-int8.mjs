// Prefill with integer products beside llama.cpp's Q8_0 and onnxruntime's dynamic int8, and beside our own f32 and bf16, in one run.
//   node bench/prefill-int8.mjs [--threads 2] [--rounds 3] [--simd avx2] [--models DIR] [--linears-only]
// One product (kernels/linear/linear_bench.cc, built by `node scripts/native.mjs --tests`), and two blocks of TinyLlama. Peers use the best instructions they
// have; --simd is for ours only. Ours and the peers alternate; medians over rounds.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeLlama } from './make-llama.mjs';
import { makeModel } from './make-model.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    simd: { type: 'string' },
    models: { type: 'string', default: join(here, 'data') },
    'linears-only': { type: 'boolean', default: false },
  },
});
const counts = [128, 512];
const shapes = [
  [2048, 2048],
  [5632, 2048],
  [2048, 5632],
];
const bench = join(root, 'build', 'native', 'all', 'linear_linear_bench');
if (!existsSync(bench)) throw new Error('linear_linear_bench is not built; run: node scripts/native.mjs --tests');
if (!existsSync(join(here, 'node_modules')))
  execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
const environment = { ...process.env, QUANTWRIGHT_THREADS: options.threads, ...(options.simd === undefined ? {} : { QUANTWRIGHT_SIMD: options.simd }) };

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const perRound = (measure) => Array.from({ length: Number(options.rounds) }, measure);

function ours(variant, n, k, m) {
  const printed = execFileSync(bench, [variant, n, k, m].map(String), { encoding: 'utf8', env: environment });
  const found = new RegExp(`^ {2}${variant} .* m ${m} +([\\d.]+) us`, 'm').exec(printed);
  if (found === null) throw new Error(`linear_bench ${variant} printed no time:\n${printed}`);
  return Number(found[1]);
}

function child(script, args) {
  const result = spawnSync(process.execPath, [join(here, script), ...args.map(String)], { encoding: 'utf8', env: environment, maxBuffer: 1e8 });
  if (result.status !== 0) throw new Error(`${script} ${args.join(' ')}\n${result.stderr}`);
  return JSON.parse(result.stdout.trim().split('\n').pop());
}

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
console.log(`CPU: ${cpus()[0].model}, ${options.threads} threads, ours with ${options.simd ?? 'the best instructions'}; commit ${commit}\n`);

console.log('| n x k | m | f32 us | bf16 us | w8a8 us | onnxruntime int8 us | w8a8 beside f32 | beside bf16 | beside onnxruntime | w8a8 GOP/s |');
console.log('|---|---|---|---|---|---|---|---|---|---|');
for (const [n, k] of shapes) {
  const rounds = perRound(() => ({
    mine: counts.map((m) => ['f32', 'bf16', 'w8a8'].map((variant) => ours(variant, n, k, m))),
    peer: child(join('peers', 'onnxruntime-matmul.mjs'), [n, k, 0, options.threads, ...counts]),
  }));
  for (const [index, m] of counts.entries()) {
    const [f32, bf16, w8a8] = [0, 1, 2].map((variant) => median(rounds.map(({ mine }) => mine[index][variant])));
    const peer = median(rounds.map((round) => round.peer[m]));
    const ratios = [f32, bf16, peer].map((time) => `${(time / w8a8).toFixed(2)}x`);
    const times = [f32, bf16, w8a8, peer].map((time) => time.toFixed(0));
    console.log(`| ${n} x ${k} | ${m} | ${times.join(' | ')} | ${ratios.join(' | ')} | ${((2 * n * k * m) / w8a8 / 1000).toFixed(0)} |`);
  }
}
if (options['linears-only']) process.exit(0);

mkdirSync(options.models, { recursive: true });
const directory = makeLlama('2-blocks', options.models);
const shard = join(directory, 'model-00001-of-00001.safetensors');
// makeModel reads a model of one file by its usual name.
if (existsSync(shard)) renameSync(shard, join(directory, 'model.safetensors'));
const { gguf } = makeModel(directory, options.models, ['q8_0']);
const quantized = join(options.models, 'llama-2-blocks-a8w8');
if (!existsSync(quantized)) {
  const cli = join(root, 'engine', 'out', 'cli.js');
  execFileSync(process.execPath, [cli, 'quantize', directory, '--config', join(root, 'examples', 'a8w8.quant.json'), '--out', quantized, '--json'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
console.log('\n| two blocks of TinyLlama, m | bf16 tok/s | A8W8 tok/s | llama.cpp Q8_0 tok/s | A8W8 beside bf16 | beside llama.cpp |');
console.log('|---|---|---|---|---|---|');
for (const m of counts) {
  const rounds = perRound(() => ({
    bf16: child('ours.mjs', [directory, options.threads, 3, m, 1]).prefill,
    a8w8: child('ours.mjs', [quantized, options.threads, 3, m, 1]).prefill,
    peer: child(join('peers', 'node-llama-cpp.mjs'), [gguf.q8_0, options.threads, 3, m, 1, 8192]).prefill,
  }));
  const [bf16, a8w8, peer] = ['bf16', 'a8w8', 'peer'].map((key) => median(rounds.flatMap((round) => round[key])));
  const speeds = [bf16, a8w8, peer].map((speed) => speed.toFixed(1));
  console.log(`| ${m} | ${speeds.join(' | ')} | ${(a8w8 / bf16).toFixed(2)}x | ${(a8w8 / peer).toFixed(2)}x |`);
}
