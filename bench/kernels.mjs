// Our 4-bit products beside onnxruntime's MatMulNBits (int8 accumulation) in one run, and the memory bandwidth they are bound by.
//   node bench/kernels.mjs [--threads 2] [--rounds 3] [--only NxK]
// Ours: kernels/linear/linear_bench.cc, built by `node scripts/native.mjs --tests`. The two alternate; medians over rounds.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const { values: options } = parseArgs({
  options: { threads: { type: 'string', default: '2' }, rounds: { type: 'string', default: '3' }, only: { type: 'string' } },
});
const built = (name) => {
  const file = join(root, 'build', 'native', 'all', name);
  if (!existsSync(file)) throw new Error(`${name} is not built; run: node scripts/native.mjs --tests`);
  return file;
};
const bench = built('linear_linear_bench');
if (!existsSync(join(here, 'node_modules')))
  execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });

const shapes = [
  [2048, 2048],
  [5632, 2048],
  [2048, 5632],
  [4096, 4096],
  [14336, 4096],
  [4096, 14336],
].filter(([n, k]) => !options.only || options.only === `${n}x${k}`);
const counts = [1, 8, 128];
const environment = { ...process.env, QUANTWRIGHT_THREADS: options.threads };

function ours(n, k, blockSize) {
  const printed = execFileSync(bench, [`q4-${blockSize}`, String(n), String(k)], { encoding: 'utf8', env: environment });
  const result = { bytes: 0 };
  for (const [, m, microseconds, bandwidth] of printed.matchAll(/ m (\d+)\s+([\d.]+) us .*?([\d.]+) GB\/s/g)) {
    result[m] = Number(microseconds);
    if (m === '1') result.bandwidth = Number(bandwidth);
  }
  return result;
}

const peer = (n, k, blockSize) =>
  JSON.parse(
    execFileSync(process.execPath, [join(here, 'peers', 'onnxruntime-matmul.mjs'), ...[n, k, blockSize, options.threads, ...counts].map(String)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const bandwidth = () => Number(/read ([\d.]+) GB/.exec(execFileSync(built('cpu_bandwidth_bench'), { encoding: 'utf8', env: environment }))?.[1]);

const reads = [bandwidth()];
console.log('| n x k | group | m | ours us | onnxruntime us | ratio | ours GOP/s | peer GOP/s | ours GB/s of packed weights |');
console.log('|---|---|---|---|---|---|---|---|---|');
for (const [n, k] of shapes) {
  for (const blockSize of [32, 128]) {
    const a = [];
    const b = [];
    for (let round = 0; round < Number(options.rounds); round++) {
      a.push(ours(n, k, blockSize));
      b.push(peer(n, k, blockSize));
    }
    reads.push(bandwidth());
    for (const m of counts) {
      const [mine, theirs] = [median(a.map((r) => r[m])), median(b.map((r) => r[m]))];
      const speed = (time) => ((2 * m * n * k) / time / 1000).toFixed(1);
      const read = m === 1 ? median(a.map((r) => r.bandwidth)).toFixed(1) : '';
      console.log(
        `| ${n} x ${k} | ${blockSize} | ${m} | ${mine.toFixed(0)} | ${theirs.toFixed(0)} | ${(theirs / mine).toFixed(2)}x | ${speed(mine)} | ${speed(theirs)} | ${read} |`,
      );
    }
  }
}
console.log(`\nRead bandwidth, ${options.threads} threads, 256 MiB: median ${median(reads).toFixed(1)} GB/s, best ${Math.max(...reads).toFixed(1)}.`);
