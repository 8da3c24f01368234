// Decode tokens/s while other processes keep the cores busy: ours beside node-llama-cpp, same weights in the nearest 4-bit types.
//   node bench/busy.mjs OUR_MODEL_DIR PEER_MODEL.gguf [--neighbours 0,1,2] [--threads 2] [--rounds 3] [--tokens 32] [--vocab 32000]
import { execFileSync, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    neighbours: { type: 'string', default: '0,1,2' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '32' },
    vocab: { type: 'string', default: '32000' },
  },
});
const [directory, gguf] = positionals;
if (!directory || !gguf) throw new Error('usage: node bench/busy.mjs OUR_MODEL_DIR PEER_MODEL.gguf');

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const measure = (script, args) => {
  const printed = execFileSync(process.execPath, [join(here, script), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return JSON.parse(printed.trim().split('\n').pop()).decode;
};

console.log('| busy neighbours | ours tok/s | peer tok/s | ratio | ours keeps | peer keeps |');
console.log('|---|---|---|---|---|---|');
let alone;
for (const neighbours of options.neighbours.split(',').map(Number)) {
  const spinners = Array.from({ length: neighbours }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  const rates = { ours: [], peer: [] };
  try {
    for (let round = 0; round < Number(options.rounds); round++) {
      rates.ours.push(...measure('ours.mjs', [directory, options.threads, '1', '16', options.tokens]));
      rates.peer.push(...measure(join('peers', 'node-llama-cpp.mjs'), [gguf, options.threads, '1', '16', options.tokens, options.vocab]));
    }
  } finally {
    for (const spinner of spinners) spinner.kill('SIGKILL');
  }
  const [ours, peer] = [median(rates.ours), median(rates.peer)];
  alone ??= { ours, peer };
  const kept = (now, then) => `${((100 * now) / then).toFixed(0)} %`;
  console.log(
    `| ${neighbours} | ${ours.toFixed(1)} | ${peer.toFixed(1)} | ${(ours / peer).toFixed(2)}x | ${kept(ours, alone.ours)} | ${kept(peer, alone.peer)} |`,
  );
}
