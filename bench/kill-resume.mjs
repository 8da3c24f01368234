// Kills a quantization of the embedded model at random moments, again and again, until `--resume` gets through, and compares the result with that of a run that
// was left alone: node bench/kill-resume.mjs [METHOD gptq] [KILLS 20] [SEED]. Prints the blocks that were finished at every kill. Fails when a byte differs.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = join(dirname(fileURLToPath(import.meta.url)), '..');
const model = join(project, 'models', 'quill-16m');
const [method = 'gptq', wanted = '20', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);

/** Resolves to the exit code, null when it was killed; after `killAfter` milliseconds from its first progress it is. */
function run(arguments_, killAfter) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(project, 'engine', 'out', 'cli.js'), ...arguments_], { stdio: ['ignore', 'pipe', 'inherit'] });
    let timer;
    child.stdout.on('data', () => {
      if (killAfter !== null) timer ??= setTimeout(() => child.kill('SIGKILL'), killAfter);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

function hashOf(directory) {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory).sort()) hash.update(name).update(readFileSync(join(directory, name)));
  return hash.digest('hex');
}

function finishedBlocks(partial) {
  try {
    return readFileSync(join(partial, 'journal.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"block ')).length;
  } catch {
    return 0;
  }
}

let state = Number(seed) >>> 0;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};

const work = mkdtempSync(join(tmpdir(), 'quantwright-kills-'));
try {
  const config = join(work, 'a.quant.json');
  const calibration = { dataset: join(project, 'models', 'texts', 'quant_chat_calibration.txt'), samples: 8, sequence_length: 64 };
  writeFileSync(config, JSON.stringify({ quant_method: method, weight_format: 'int4', group_size: 128, desc_act: true, calibration }));
  const args = (out) => ['quantize', model, '--config', config, '--out', join(work, out), '--json'];
  const begun = performance.now();
  if ((await run(args('whole'), null)) !== 0) throw new Error('the run that was left alone failed');
  const milliseconds = performance.now() - begun;
  const moments = [];
  let runs = 0;
  while (moments.length < Number(wanted)) {
    const code = await run([...args(`out${runs}`), '--resume'], random() * 0.9 * milliseconds);
    if (code === null) {
      moments.push(finishedBlocks(join(work, `out${runs}.partial`)));
      continue;
    }
    if (code !== 0) throw new Error(`a resumed run ended with ${code}`);
    if (hashOf(join(work, `out${runs}`)) !== hashOf(join(work, 'whole'))) throw new Error(`out${runs} differs`);
    runs++;
  }
  if ((await run([...args(`out${runs}`), '--resume'], null)) !== 0) throw new Error('the last run failed');
  if (hashOf(join(work, `out${runs}`)) !== hashOf(join(work, 'whole'))) throw new Error(`out${runs} differs`);
  console.log(`${method}, seed ${seed}: ${moments.length} kills, with ${moments.join(', ')} blocks finished; ${runs + 1} results, all byte-identical`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
