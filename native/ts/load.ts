// Finds, tries and loads the native addon. Works from TypeScript's output (native/out) and from a bundle (dist). Never throws: what went wrong
// becomes words that say what was tried and what to do. A binary is first loaded in a child process, once per version of it, so that one that
// crashes (another CPU, another C library) cannot take this process with it.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeBinding } from './binding.ts';

export type NativeLoad = { readonly ok: true; readonly binding: NativeBinding; readonly path: string } | { readonly ok: false; readonly reason: string };

/** The `abi` this file and binding.ts are written for. */
const abi = 1;
/** A cold start of Node from a slow disk takes seconds; a hang must still end. */
const probeMilliseconds = 30_000;

const platform = `${process.platform}-${process.arch}`;
const rebuild = 'Run `npm run native` in the project (it needs a C++17 compiler and CMake), or install the extension made for this platform.';

export async function loadNative(environment: NodeJS.ProcessEnv = process.env): Promise<NativeLoad> {
  const candidates = candidatePaths(environment);
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    const forced = environment['QUANTWRIGHT_NATIVE'] !== undefined && environment['QUANTWRIGHT_NATIVE'] !== '';
    const advice = forced ? 'Correct or unset QUANTWRIGHT_NATIVE.' : rebuild;
    return { ok: false, reason: `The native addon for ${platform} was not found. Looked for ${candidates.join(', ')}. ${advice}` };
  }
  const problem = await probe(path);
  if (problem !== null) return { ok: false, reason: `The native addon ${path} cannot be used: ${problem}. ${rebuild}` };
  try {
    const binding = createRequire(import.meta.url)(path) as NativeBinding;
    if (binding.abi === abi) return { ok: true, binding, path };
    return { ok: false, reason: `The native addon ${path} speaks version ${binding.abi}, but version ${abi} is needed. ${rebuild}` };
  } catch (cause) {
    return { ok: false, reason: `The native addon ${path} cannot be loaded: ${words(cause)}. ${rebuild}` };
  }
}

/** QUANTWRIGHT_NATIVE alone when it is set; else the places where the build and the package put the addon. */
function candidatePaths(environment: NodeJS.ProcessEnv): readonly string[] {
  const forced = environment['QUANTWRIGHT_NATIVE'];
  if (forced !== undefined && forced !== '') return [resolve(forced)];
  const here = dirname(fileURLToPath(import.meta.url));
  return [
    join(here, '..', 'bin', platform, 'quantwright.node'), // native/out
    join(here, '..', 'native', 'bin', platform, 'quantwright.node'), // dist
    join(here, '..', 'build', 'native', 'Release', 'quantwright.node'),
    join(here, '..', '..', 'build', 'native', 'Release', 'quantwright.node'),
  ];
}

/** Null when the addon loads and answers in a child process, or did so before. */
async function probe(path: string): Promise<string | null> {
  const mark = markPath(path);
  if (existsSync(mark)) return null;
  const problem = await loadInChild(path);
  if (problem === null) {
    try {
      writeFileSync(mark, `${path}\n`);
    } catch {
      // Without a mark the next start probes again.
    }
  }
  return problem;
}

/** The temporary folder belongs to this machine, as the answer does. */
function markPath(path: string): string {
  const { size, mtimeMs } = statSync(path);
  const key = [path, size, mtimeMs, process.versions.node, process.env['QUANTWRIGHT_SIMD'] ?? ''].join('|');
  return join(tmpdir(), `quantwright-native-${createHash('sha256').update(key).digest('hex').slice(0, 24)}.ok`);
}

function loadInChild(path: string): Promise<string | null> {
  const script = `process.stdout.write(require(${JSON.stringify(path)}).cpuInfo().level)`;
  return new Promise((settle) => {
    const options = { timeout: probeMilliseconds, env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' }, windowsHide: true };
    const child = execFile(process.execPath, ['-e', script], options, (error, stdout, stderr) => {
      if (error === null && stdout !== '') return settle(null);
      if (error?.killed === true) return settle(`it did not answer within ${probeMilliseconds / 1000} s`);
      if (child.signalCode !== null) return settle(`loading it ended a test process with ${child.signalCode}`);
      const line = stderr.split('\n').find((text) => /Error/.test(text));
      return settle(line?.trim() ?? error?.message ?? 'it gave no answer');
    });
  });
}

function words(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
