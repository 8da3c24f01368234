// npm start: the main job on the embedded model. Checks a config, quantizes three ways, measures, prints one table, and chats.
// Results are kept under .demo/, so a second run only measures again what is missing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { fail, root } from './setup.mjs';

build();

const cli = join('dist', 'cli.js');
const model = join('models', 'quill-16m');
const text = join('models', 'texts', 'quant_chat_evaluation.txt');
const demo = join(root, '.demo');
mkdirSync(demo, { recursive: true });

/** Runs the command line; returns its standard output. */
function quantwright(args, { show = false, allow = [0] } = {}) {
  const result = spawnSync(process.execPath, [cli, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
  });
  if (!allow.includes(result.status)) {
    process.stderr.write(result.stderr ?? '');
    fail(`quantwright ${args.join(' ')} ended with code ${result.status}`);
  }
  return result.stdout ?? '';
}

const lastJson = (output) => JSON.parse(output.trim().startsWith('{\n') ? output : (output.trim().split('\n').pop() ?? ''));

console.log('\n1. Check: a config that its target refuses, and why\n');
console.log('   quantwright check examples/refused.quant.json --runtime dashinfer --device v100\n');
quantwright(['check', 'examples/refused.quant.json', '--runtime', 'dashinfer', '--device', 'v100'], { show: true, allow: [1] });

console.log('\n2. Quantize and measure (models/quill-16m, text models/texts/quant_chat_evaluation.txt)\n');

/** What a measured row depends on; a change of any of it measures again. */
function identity(config) {
  const hash = createHash('sha256');
  for (const file of [cli, join('dist', 'engine.js'), join(model, 'config.json'), text, ...(config ? [config] : [])])
    hash.update(readFileSync(join(root, file)));
  return hash.digest('hex').slice(0, 16);
}

function measure(name, config) {
  const kept = join(demo, `${name}.json`);
  const id = identity(config);
  const directory = config ? join(demo, `quill-16m-${name}`) : join(root, model);
  if (existsSync(kept) && existsSync(directory)) {
    const row = JSON.parse(readFileSync(kept, 'utf8'));
    if (row.id === id) return row;
  }
  const quantized = config ? lastJson(quantwright(['quantize', model, '--config', config, '--out', directory, '--overwrite', '--json'])) : null;
  const inspected = lastJson(quantwright(['inspect', directory, '--json']));
  const ppl = lastJson(quantwright(['eval', 'ppl', directory, '--text', text, '--json']));
  const chat = lastJson(quantwright(['chat', directory, '--prompt', 'What is quantization?', '--max-tokens', '64', '--json']));
  const row = {
    id,
    name,
    megabytes: inspected.fileBytes / 1e6,
    bits: quantized ? quantized.bitsPerWeight : 16,
    perplexity: ppl.perplexity,
    prefill: ppl.tokensPerSecond,
    decode: chat.tokensPerSecond,
    memory: Math.max(ppl.peakMemoryBytes, chat.memoryBytes) / 1048576,
    quantizeMemory: quantized ? quantized.peakMemoryBytes / 1048576 : null,
    directory,
  };
  writeFileSync(kept, JSON.stringify(row));
  return row;
}

const rows = [
  measure('bf16', null),
  measure('A16W8', 'examples/a16w8.quant.json'),
  measure('A8W8', 'examples/a8w8.quant.json'),
  measure('A16W4-g32', 'examples/a16w4.quant.json'),
];
const base = rows[0];
const header = ['weights', 'size MB', 'bits/weight', 'perplexity', 'x bf16', 'eval tok/s', 'chat tok/s', 'peak MiB', 'quantize MiB'];
const cells = rows.map((row) => [
  row.name,
  row.megabytes.toFixed(1),
  row.bits.toFixed(2),
  row.perplexity.toFixed(3),
  (row.perplexity / base.perplexity).toFixed(4),
  row.prefill.toFixed(0),
  row.decode.toFixed(0),
  row.memory.toFixed(0),
  row.quantizeMemory === null ? '-' : row.quantizeMemory.toFixed(0),
]);
const widths = header.map((title, column) => Math.max(title.length, ...cells.map((line) => line[column].length)));
for (const line of [header, ...cells])
  console.log(`   ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ')}`);

const chosen = rows[rows.length - 1].directory;
console.log(`\n3. Chat with the 4-bit model (quantwright chat ${chosen.slice(root.length + 1)})\n`);
if (process.stdin.isTTY && process.stdout.isTTY) {
  spawnSync(process.execPath, [cli, 'chat', chosen], { cwd: root, stdio: 'inherit' });
} else {
  const question = 'What does group_size mean?';
  console.log(`> ${question}`);
  quantwright(['chat', chosen, '--prompt', question, '--temperature', '0'], { show: true });
}
console.log('\nNext: `node dist/cli.js --help`, or `npm run package` and install the .vsix in VS Code.');
