// Layer-wise quantization: peak memory and speed against the size of the model, file to file, beside a flow that loads the whole model and beside llama.cpp's quantizer.
//   node bench/lwq.mjs [--models /tmp/bench-models] [--sizes 160m,1b] [--methods rtn,instant_quant] [--rounds 1] [--gguf FILE.gguf] [--no-naive]
// Models are made by make-llama.mjs and kept (7b: 13.5 GB). --gguf: an f16 file of about the size, for the peer. Everything alternates within a round; prints Markdown.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeLlama } from './make-llama.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const cli = join(here, '..', 'engine', 'out', 'cli.js');
const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '/tmp/bench-models' },
    sizes: { type: 'string', default: '160m,1b' },
    methods: { type: 'string', default: 'rtn,instant_quant' },
    rounds: { type: 'string', default: '1' },
    gguf: { type: 'string' },
    naive: { type: 'boolean', default: true },
    'memory-limit': { type: 'string' },
  },
  allowNegative: true,
});

const configs = {
  rtn: { quant_method: 'rtn', weight_format: 'int4', group_size: 128, save_format: 'gptq' },
  instant_quant: { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 128 },
  rtn_int8: { quant_method: 'rtn', weight_format: 'int8', group_size: 128, save_format: 'gptq' },
  gptq: { quant_method: 'gptq', weight_format: 'int4', group_size: 128, calibration: { samples: 8, sequence_length: 512 } },
};
const q4_0 = 2;
const q8_0 = 7;
const mb = (bytes) => `${Math.round(bytes / 1e6)} MB`;

const work = mkdtempSync(join(tmpdir(), 'quantwright-lwq-'));
const rows = new Map();
try {
  mkdirSync(values.models, { recursive: true });
  for (const size of values.sizes.split(',')) {
    const model = makeLlama(size, values.models);
    const bytes = readdirSync(model).reduce((sum, name) => sum + (name.endsWith('.safetensors') ? statSync(join(model, name)).size : 0), 0);
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const method of values.methods.split(',')) keep(`${size} | ${method}`, bytes, ours(model, method));
      // Half of what there is must stay free for the flow that needs most.
      if (values.naive && bytes < 6e9) keep(`${size} | whole model in memory (rtn)`, bytes, naive(model));
    }
  }
  if (values.gguf !== undefined) {
    const bytes = statSync(values.gguf).size;
    for (let round = 0; round < Number(values.rounds); round++) {
      keep('gguf | llama.cpp F16 -> Q4_0', bytes, llama(values.gguf, q4_0));
      keep('gguf | llama.cpp F16 -> Q8_0', bytes, llama(values.gguf, q8_0));
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(
  `\nload average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(', ')}\n`,
);
console.log('| model | flow | source | seconds | GB/s | peak memory | over the base | planned memory, time |\n|---|---|---|---|---|---|---|---|');
for (const [name, { bytes, best }] of rows) {
  const over = best.baseBytes === undefined ? '' : mb(best.peakBytes - best.baseBytes);
  const planned =
    best.planned === undefined ? '' : `${mb(best.planned.peakMemoryBytes)}, ${best.planned.seconds === null ? '-' : `${best.planned.seconds.toFixed(1)} s`}`;
  console.log(
    `| ${name} | ${(bytes / 1e9).toFixed(2)} GB | ${best.seconds.toFixed(1)} | ${(bytes / 1e9 / best.seconds).toFixed(2)} | ${mb(best.peakBytes)} | ${over} | ${planned} |`,
  );
}

function keep(name, bytes, measured) {
  console.error(name, JSON.stringify(measured));
  const known = rows.get(name);
  if (known === undefined || measured.seconds < known.best.seconds) rows.set(name, { bytes, best: measured });
}

function ours(model, method) {
  const config = join(work, `${method}.quant.json`);
  writeFileSync(config, JSON.stringify(configs[method]));
  const out = join(work, 'out');
  const limit = values['memory-limit'] === undefined ? [] : ['--memory-limit', values['memory-limit']];
  const text = execFileSync(process.execPath, [cli, 'quantize', model, '--config', config, '--out', out, '--json', ...limit], {
    maxBuffer: 1e9,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  rmSync(out, { recursive: true });
  const events = text
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const result = events.at(-1);
  return { seconds: result.seconds, peakBytes: result.peakMemoryBytes, baseBytes: events[0].plan.memory.baseBytes, planned: result.estimate };
}

function naive(model) {
  const out = join(work, 'naive');
  const text = execFileSync(process.execPath, ['--max-old-space-size=16000', join(here, 'peers', 'naive-quantize.mjs'), model, out]);
  rmSync(out);
  return JSON.parse(text.toString());
}

function llama(file, type) {
  const libraries = join(here, 'node_modules', '@node-llama-cpp', 'linux-x64', 'bins', 'linux-x64');
  const program = join(work, 'llama-quantize');
  if (!existsSync(program)) execFileSync('cc', ['-O2', '-o', program, join(here, 'peers', 'llama-quantize.c'), '-ldl']);
  const library = readdirSync(libraries).find((name) => /^libllama\.(so|v)/.test(name)) ?? 'libllama.so';
  const out = join(work, 'peer.gguf');
  const run = spawnSync(program, [libraries, join(libraries, library), file, out, String(type), '2'], { env: { ...process.env, LD_LIBRARY_PATH: libraries } });
  if (run.status !== 0) throw new Error(`llama.cpp: ${run.stderr}`);
  rmSync(out);
  return JSON.parse(run.stdout.toString().trim().split('\n').at(-1));
}
