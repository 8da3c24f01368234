// How long the language server takes from an edit to its diagnostics, on a config of about 20 kB, through the real process.
// The debounce of 120 ms is part of what a user waits for and is shown apart. Usage: node bench/diagnostics.mjs [EDITS]
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = createRequire(import.meta.url)('vscode-jsonrpc/node');
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const entry = process.env.QUANTWRIGHT_SERVER ?? join(root, 'server', 'out', 'main.js');
const edits = Number(process.argv[2] ?? 50);
const debounceMs = 120;
if (!existsSync(entry)) {
  console.error(`${entry} is missing: build first (npm run build).`);
  process.exit(2);
}

/** A job with a rule per module of a deep model: about 20 kB of overrides. */
function config(damp) {
  const overrides = {};
  for (let layer = 0; layer < 190; layer += 1) {
    overrides[`model\\.layers\\.${layer}\\.mlp\\.down_proj`] = { group_size: layer % 2 === 0 ? 64 : 128, weight_format: 'uint4' };
  }
  return JSON.stringify({ quant_method: 'gptq', weight_format: 'uint4', group_size: 128, damp_percent: damp, ignore: ['lm_head'], overrides }, null, 2);
}

const child = spawn(process.execPath, [entry, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
const waiting = new Map();
connection.onNotification('textDocument/publishDiagnostics', ({ version, diagnostics }) => waiting.get(version)?.(diagnostics));
connection.onNotification('window/logMessage', ({ type, message }) => type === 1 && console.error(message));
connection.listen();

const targets = [
  { runtime: 'quantwright', version: null, device: null, tensorParallel: 1 },
  { runtime: 'dashinfer', version: null, device: 'nvidia-a100', tensorParallel: 1 },
];
await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {}, initializationOptions: { targets } });
await connection.sendNotification('initialized', {});

const uri = 'file:///bench/job.quant.json';
const answered = (version) => new Promise((resolve) => waiting.set(version, resolve));
async function timed(version, send) {
  const answer = answered(version);
  const start = performance.now();
  await send();
  const diagnostics = await answer;
  return { ms: performance.now() - start, findings: diagnostics.length };
}

const first = await timed(1, () =>
  connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'json', version: 1, text: config(0.01) } }),
);
const samples = [];
for (let version = 2; version < 2 + edits; version += 1) {
  const text = config(0.01 + version / 10_000);
  samples.push(
    await timed(version, () => connection.sendNotification('textDocument/didChange', { textDocument: { uri, version }, contentChanges: [{ text }] })),
  );
}
const position = { line: 2, character: 3 };
const requests = {};
for (const method of ['textDocument/completion', 'textDocument/hover', 'textDocument/documentSymbol']) {
  requests[method] = [];
  for (let count = 0; count < 20; count += 1) {
    const start = performance.now();
    await connection.sendRequest(method, { textDocument: { uri }, position });
    requests[method].push(performance.now() - start);
  }
}
await connection.sendRequest('shutdown');
await connection.sendNotification('exit');

const at = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const row = (name, values) => console.log(`${name.padEnd(44)} ${at(values, 0.5).toFixed(1).padStart(8)} ${at(values, 0.95).toFixed(1).padStart(8)}`);
console.log(`config of ${(config(0.01).length / 1000).toFixed(1)} kB, ${edits} edits, ${samples.at(-1)?.findings} findings, Node ${process.version}`);
console.log(`${'milliseconds'.padEnd(44)} ${'median'.padStart(8)} ${'p95'.padStart(8)}`);
row('open -> diagnostics (first, cold)', [first.ms]);
row(
  'edit -> diagnostics',
  samples.map(({ ms }) => ms),
);
row(
  `edit -> diagnostics, less the ${debounceMs} ms debounce`,
  samples.map(({ ms }) => ms - debounceMs),
);
for (const [method, values] of Object.entries(requests)) row(method, values);
