// GGUF exports beside llama.cpp: converts models with `quantwright convert --to gguf` and compares the perplexity of a text here, here from the GGUF file,
// and in llama.cpp from the GGUF file; the ids of the text too. Fails when any differs by more than 1 %. Skips where the peer is not installed.
//   (cd bench && npm install --no-save --ignore-scripts); node bench/gguf-export.mjs --text FILE [--window 512] [--max-tokens 1024] MODEL...
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const cli = join(here, '..', 'engine', 'out', 'cli.js');
const { values: options, positionals: models } = parseArgs({
  allowPositionals: true,
  options: {
    text: { type: 'string' },
    window: { type: 'string', default: '512' },
    'max-tokens': { type: 'string', default: '1024' },
    threads: { type: 'string', default: '2' },
    exact: { type: 'boolean', default: false },
  },
});
if (!existsSync(join(here, 'node_modules', 'node-llama-cpp'))) {
  console.log('skipped: node-llama-cpp is not installed (cd bench && npm install --no-save --ignore-scripts)');
  process.exit(0);
}
if (options.text === undefined || models.length === 0) throw new Error('usage: node bench/gguf-export.mjs --text FILE MODEL...');

function run(args) {
  const result = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e8 });
  if (result.status !== 0) throw new Error(`${args.join(' ')}\n${result.stderr}`);
  return result.stdout;
}
const ours = (model) =>
  JSON.parse(run([cli, 'eval', 'ppl', model, '--text', options.text, '--window', options.window, '--max-tokens', options['max-tokens'], '--json'])).perplexity;

let failed = false;
console.log('| model | linears | here | GGUF here | GGUF in llama.cpp | largest difference |\n|---|---|---|---|---|---|');
for (const model of models) {
  const out = mkdtempSync(join(tmpdir(), 'quantwright-gguf-'));
  try {
    const lines = run([cli, 'convert', model, '--to', 'gguf', '--out', join(out, 'x'), '--json', ...(options.exact ? ['--exact'] : [])])
      .trim()
      .split('\n');
    const { linears } = JSON.parse(lines.at(-1));
    const file = join(
      out,
      'x',
      readdirSync(join(out, 'x')).find((name) => name.endsWith('.gguf')),
    );
    const [source, converted] = [ours(model), ours(file)];
    const peer = JSON.parse(run([join(here, 'peers', 'llama-perplexity.mjs'), file, options.text, options.window, options['max-tokens'], options.threads]));
    const worst = Math.max(Math.abs(converted / source - 1), Math.abs(peer.perplexity / source - 1));
    failed ||= worst > 0.01;
    const forms = linears.map(({ form, modules }) => `${modules} ${form}`).join(', ') || 'as stored';
    console.log(`| ${model} | ${forms} | ${source.toFixed(4)} | ${converted.toFixed(4)} | ${peer.perplexity.toFixed(4)} | ${(100 * worst).toFixed(3)} % |`);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
process.exit(failed ? 1 : 0);
