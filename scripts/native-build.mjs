// What building for this machine (native.mjs) and for another one (cross.mjs) share: running CMake and ctest, and telling when sources changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fail, root } from './setup.mjs';

export const nativeDirectory = join(root, 'native');
export const jobs = availableParallelism();

/** Prints the end of the command's output only when it fails. */
export function execute(what, [command, ...args], { cwd = root, environment = {} } = {}) {
  const env = { ...process.env, ...environment };
  const result = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.error) fail(`cannot ${what}: ${result.error.message}`);
  if (result.status === 0) return result.stdout;
  // The end of a compiler's output names the error; all of it can be megabytes.
  const lines = `${result.stdout}\n${result.stderr}`.trimEnd().split('\n');
  process.stderr.write(`${lines.slice(-80).join('\n')}\n`);
  return fail(`cannot ${what}: ${command} ended with ${result.signal ?? `code ${result.status}`}. The compiler's last lines are above.`);
}

/** `environment`: for an emulator, whose programs wait for each other less when as many run at once as there are cores. */
export function runTests(directory, { environment = {}, only } = {}) {
  const emulated = Object.keys(environment).length > 0;
  const options = [...(emulated ? ['--parallel', String(jobs)] : []), ...(only === undefined ? [] : ['--tests-regex', only])];
  const command = ['ctest', '--test-dir', directory, '--output-on-failure', '--timeout', '600', ...options];
  const output = execute('pass the kernel tests', command, { environment });
  return /\d+% tests passed.*/.exec(output)?.[0] ?? 'no tests found';
}

export const sources = () => [
  join(root, 'CMakeLists.txt'),
  join(nativeDirectory, 'CMakeLists.txt'),
  ...filesUnder('kernels', (name) => !isProgram(name)),
  ...filesUnder('native/src', () => true),
];
export const kernelTests = () => filesUnder('kernels', isProgram);
const isProgram = (name) => /_(test|bench)\.cc$/.test(name);

export function hashOf(files, words) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  for (const header of ['node-addon-api', 'node-api-headers', 'cmake-js']) hash.update(`${header} ${versionOf(header)}\0`);
  return hash.update(words.join(' ')).digest('hex');
}

function filesUnder(directory, wanted) {
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(cc|h)$/.test(entry.name) && wanted(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function versionOf(name) {
  const file = [join(nativeDirectory, 'node_modules'), join(root, 'node_modules')].map((modules) => join(modules, name, 'package.json')).find(existsSync);
  return file === undefined ? 'missing' : JSON.parse(readFileSync(file, 'utf8')).version;
}
