// How long a key stroke takes to its diagnostics, through the real server process, on configs of about 20 kB and 3 MB; beside it the JSON validation of
// VS Code (vscode-json-languageservice) with the same schema behind a plain server, A B A B in one run. Then the cold start.
//   node bench/diagnostics.mjs [KEYSTROKES]      QUANTWRIGHT_SERVER=... names another server (default dist/server.js)
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from './lsp-process.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const entry = process.env.QUANTWRIGHT_SERVER ?? join(root, 'dist', 'server.js');
const strokes = Number(process.argv[2] ?? 60);
/** A fast typist: what a server does between two key strokes is not in the way of the next. */
const pauseMs = 60;
const coldStarts = 7;

for (const file of [entry, join(root, 'schemas/out/generated/schema-modelopt.js')]) {
  if (existsSync(file)) continue;
  console.error(`${file} is missing: build first (npm run build).`);
  process.exit(2);
}
if (!existsSync(join(here, 'node_modules', 'vscode-json-languageservice'))) {
  execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
}
const { schema: ofJob } = await import(join(root, 'schemas/out/generated/schema-quantwright.js'));
const { schema: ofModelOpt } = await import(join(root, 'schemas/out/generated/schema-modelopt.js'));

/** A job with a rule per module of a deep model: about 20 kB. */
function job() {
  const overrides = {};
  for (let layer = 0; layer < 180; layer += 1) {
    overrides[`model\\.layers\\.${layer}\\.mlp\\.down_proj`] = { group_size: layer % 2 === 0 ? 64 : 128, weight_format: 'uint4' };
  }
  return JSON.stringify({ quant_method: 'gptq', weight_format: 'uint4', group_size: 128, damp_percent: 0.01, ignore: ['lm_head'], overrides }, null, 2);
}

/** What ModelOpt writes for a mixture of experts in mixed precision: an entry for every linear of every expert; about 3 MB. */
function mixture() {
  const layers = {};
  for (let layer = 0; layer < 48; layer += 1) {
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'o_proj']) layers[`model.layers.${layer}.self_attn.${name}`] = { quant_algo: 'FP8' };
    for (let expert = 0; expert < 160; expert += 1) {
      for (const name of ['gate_proj', 'up_proj', 'down_proj']) {
        layers[`model.layers.${layer}.mlp.experts.${expert}.${name}`] = { quant_algo: 'NVFP4', group_size: 16 };
      }
    }
  }
  const quantization = { quant_algo: 'MIXED_PRECISION', kv_cache_quant_algo: 'FP8', exclude_modules: ['lm_head'], quantized_layers: layers };
  return JSON.stringify({ producer: { name: 'modelopt', version: '0.33.0' }, quantization }, null, 2);
}

/** `digit`: a place in the text where every key stroke writes another digit. */
const documents = [
  { name: 'job.quant.json', text: job(), digit: '"damp_percent": 0.0' },
  { name: 'hf_quant_config.json', text: mixture(), digit: '"version": "0.3' },
].map((one) => {
  const offset = one.text.indexOf(one.digit) + one.digit.length;
  const lines = one.text.slice(0, offset).split('\n');
  return { ...one, position: { line: lines.length - 1, character: lines.at(-1).length } };
});

const targets = [
  { runtime: 'quantwright', version: null, device: null, tensorParallel: 1 },
  { runtime: 'dashinfer', version: null, device: 'nvidia-a100', tensorParallel: 1 },
  { runtime: 'vllm', version: null, device: 'nvidia-h100', tensorParallel: 1 },
];
const folder = mkdtempSync(join(tmpdir(), 'quantwright-bench-'));
const schemas = join(folder, 'schemas.json');
writeFileSync(
  schemas,
  JSON.stringify([
    { fileMatch: ['*.quant.json'], schema: ofJob },
    { fileMatch: ['hf_quant_config.json'], schema: { type: 'object', properties: { quantization: ofModelOpt } } },
  ]),
);
const peerArgs = [join(here, 'peers', 'json-language-server.mjs'), schemas, '--stdio'];

const at = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const ms = (value) => value.toFixed(1).padStart(8);
const pause = () => new Promise((resolve) => setTimeout(resolve, pauseMs));

console.log(`${cpus()[0].model}, Node ${process.version}, ${strokes} key strokes ${pauseMs} ms apart; milliseconds from the key stroke to its diagnostics`);
console.log('| document | state | ours p50 | ours p95 | peer p50 | peer p95 | ratio p50 | ratio p95 |');
console.log('|---|---|---|---|---|---|---|---|');
const ours = await startServer([entry, '--stdio'], { targets });
const peer = await startServer(peerArgs);
for (const { name, text, position } of documents) {
  const uri = `file:///bench/${name}`;
  const first = { ours: await ours.open(uri, text), peer: await peer.open(uri, text) };
  let version = 1;
  // Damaged: a quote that is never closed, as while a key is being typed.
  for (const state of ['sound', 'damaged']) {
    const samples = { ours: [], peer: [] };
    const brace = { line: position.line, character: 0 };
    if (state === 'damaged') {
      version += 1;
      for (const server of [ours, peer]) await server.type(uri, version, brace, '"', 0);
    }
    for (let stroke = 0; stroke < strokes; stroke += 1) {
      version += 1;
      const place = state === 'damaged' ? { line: position.line, character: 1 } : position;
      const [letter, removed] = state === 'damaged' ? ['x', 0] : [String((stroke % 8) + 1), 1];
      for (const [key, server] of stroke % 2 === 0
        ? [
            ['ours', ours],
            ['peer', peer],
          ]
        : [
            ['peer', peer],
            ['ours', ours],
          ]) {
        samples[key].push((await server.type(uri, version, place, letter, removed)).ms);
        await pause();
      }
    }
    const [a, b, c, d] = [at(samples.ours, 0.5), at(samples.ours, 0.95), at(samples.peer, 0.5), at(samples.peer, 0.95)];
    const size = `${(text.length / 1000).toFixed(0)} kB`;
    console.log(`| ${name}, ${size} | ${state} |${ms(a)} |${ms(b)} |${ms(c)} |${ms(d)} | ${(a / c).toFixed(2)}x | ${(b / d).toFixed(2)}x |`);
  }
  console.log(`| ${name} | first open |${ms(first.ours.ms)} | |${ms(first.peer.ms)} | | ${(first.ours.ms / first.peer.ms).toFixed(2)}x | |`);
}

const [small] = documents;
const uri = `file:///bench/${small.name}`;
for (const method of ['textDocument/completion', 'textDocument/hover', 'textDocument/inlayHint', 'textDocument/codeLens', 'textDocument/documentSymbol']) {
  const times = [];
  for (let count = 0; count < 20; count += 1) {
    const start = performance.now();
    const range = { start: { line: 0, character: 0 }, end: { line: 50, character: 0 } };
    await ours.connection.sendRequest(method, { textDocument: { uri }, position: { line: 2, character: 3 }, range });
    times.push(performance.now() - start);
  }
  console.log(`| ${small.name} | ${method.replace('textDocument/', '')} |${ms(at(times, 0.5))} |${ms(at(times, 0.95))} | | | | |`);
}
await ours.stop();
await peer.stop();

const cold = { ours: { initialized: [], first: [] }, peer: { initialized: [], first: [] } };
for (let count = 0; count < coldStarts; count += 1) {
  for (const [key, args, options] of [
    ['ours', [entry, '--stdio'], { targets }],
    ['peer', peerArgs, {}],
  ]) {
    const server = await startServer(args, options);
    await server.open(uri, small.text);
    cold[key].initialized.push(server.initializedMs);
    cold[key].first.push(performance.now() - server.begun);
    await server.stop();
  }
}
console.log(`\nCold start, ${coldStarts} times: process start to the answer of initialize, and to the first diagnostics (${small.name})`);
for (const [key, { initialized, first }] of Object.entries(cold)) {
  console.log(
    `${key}: initialize ${at(initialized, 0.5).toFixed(0)} ms (p95 ${at(initialized, 0.95).toFixed(0)}), first diagnostics ${at(first, 0.5).toFixed(0)} ms (p95 ${at(first, 0.95).toFixed(0)})`,
  );
}
rmSync(folder, { recursive: true });
