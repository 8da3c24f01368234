// Kills a quantization job at random moments with SIGKILL, resumes it every time, and compares every byte of the result with that of a job left alone.
//   node scripts/kill-resume.mjs MODEL_DIR CONFIG [KILLS=20] [SEED=1]
// Ends with 0 when all results are equal. Works in a new temporary directory, which it removes.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { root } from './setup.mjs';

const cli = join(root, 'engine', 'out', 'cli.js');

/** Returns what happened, for people; throws when a result differs. */
export async function killAndResume(model, config, kills, seed) {
  const work = mkdtempSync(join(tmpdir(), 'quantwright-kill-'));
  try {
    const began = Date.now();
    await runToEnd(model, config, join(work, 'whole'));
    const milliseconds = Date.now() - began;
    const expected = await hashes(join(work, 'whole'));
    const random = mulberry32(seed);
    const counts = { killed: 0, results: 0, took: milliseconds };
    while (counts.killed < kills) {
      const out = join(work, 'out');
      // Up to three kills for a result, so that resumed jobs are killed too.
      for (let left = 1 + Math.floor(random() * 3); left > 0 && counts.killed < kills && !existsSync(out); left--) {
        if (await runAndKill(model, config, out, random() * milliseconds)) counts.killed++;
      }
      if (!existsSync(out)) await runToEnd(model, config, out);
      const got = await hashes(out);
      if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Error(`after ${counts.killed} kills the result differs:\n${differences(expected, got)}`);
      counts.results++;
      rmSync(out, { recursive: true });
    }
    return counts;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function start(model, config, out) {
  return spawn(process.execPath, [cli, 'quantize', model, '--config', config, '--out', out, '--resume'], { stdio: ['ignore', 'ignore', 'pipe'] });
}

async function runToEnd(model, config, out) {
  const child = start(model, config, out);
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`quantize ended with ${code}: ${errors}`);
}

/** False: it was done before. */
async function runAndKill(model, config, out, afterMs) {
  const child = start(model, config, out);
  child.stderr.resume();
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  const signal = await new Promise((resolve) => child.once('close', (_code, ended) => resolve(ended)));
  clearTimeout(timer);
  return signal === 'SIGKILL';
}

async function hashes(directory) {
  const found = {};
  for (const name of readdirSync(directory).sort()) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(directory, name)), hash);
    found[name] = hash.digest('hex');
  }
  return found;
}

function differences(expected, got) {
  const names = new Set([...Object.keys(expected), ...Object.keys(got)]);
  return [...names].filter((name) => expected[name] !== got[name]).join(', ');
}

function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (process.argv[1]?.endsWith('kill-resume.mjs')) {
  const [model, config, kills = '20', seed = '1'] = process.argv.slice(2);
  if (!model || !config) {
    console.error('usage: node scripts/kill-resume.mjs MODEL_DIR CONFIG [KILLS] [SEED]');
    process.exit(2);
  }
  const { killed, results, took } = await killAndResume(model, config, Number(kills), Number(seed));
  console.log(`${killed} kills, ${results} results, every byte equal (one job alone takes ${(took / 1000).toFixed(1)} s; seed ${seed})`);
}
