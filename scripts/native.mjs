// Builds the native addon with cmake-js and copies it to native/bin/<platform>-<arch>/quantwright.node. Does nothing when its sources are the
// same as last time. Needs a C++17 compiler and CMake; downloads nothing (the Node-API headers come from node_modules).
// Options: --tests     also builds and runs the kernel tests (ctest)
//          --sanitize  builds and runs the kernel tests with address and undefined-behaviour sanitizers, nothing else
//          --force     builds even when nothing changed
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { fail, requirePrerequisites, root } from './setup.mjs';

const require = createRequire(import.meta.url);
const nativeDirectory = join(root, 'native');
const buildDirectory = join(root, 'build', 'native');
const binary = join(nativeDirectory, 'bin', `${process.platform}-${process.arch}`, 'quantwright.node');
const stamp = join(buildDirectory, 'quantwright.sources');
const jobs = availableParallelism();

export async function buildNative({ tests = false, force = false } = {}) {
  const started = Date.now();
  const sources = hashSources();
  const current = existsSync(binary) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources;
  if (current && !force && !tests) {
    console.log(`Native addon is up to date: ${relative(root, binary)}`);
    return;
  }
  requirePrerequisites();
  const [configure, build] = await commands(tests);
  execute('configure the native addon', configure);
  execute('build the native addon', build);
  if (!current || force) {
    mkdirSync(dirname(binary), { recursive: true });
    // Renamed into place: a process that has the old one mapped keeps it.
    copyFileSync(join(buildDirectory, 'Release', 'quantwright.node'), `${binary}.new`);
    renameSync(`${binary}.new`, binary);
    writeFileSync(stamp, sources);
  }
  const counted = tests ? `, ${runTests(buildDirectory)}` : '';
  const size = (statSync(binary).size / 1e6).toFixed(1);
  console.log(`Native addon built: ${relative(root, binary)} (${size} MB${counted}, ${((Date.now() - started) / 1000).toFixed(1)} s)`);
}

export function testWithSanitizers() {
  requirePrerequisites();
  const directory = join(root, 'build', 'sanitize');
  const options = ['-DCMAKE_BUILD_TYPE=RelWithDebInfo', '-DQUANTWRIGHT_TESTS=ON', '-DQUANTWRIGHT_SANITIZE=ON'];
  execute('configure the sanitized tests', ['cmake', '-S', root, '-B', directory, ...options]);
  execute('build the sanitized tests', ['cmake', '--build', directory, '--parallel', String(jobs)]);
  console.log(`Sanitized kernel tests: ${runTests(directory)}`);
}

/** The commands cmake-js would run. They are run here so that their output appears only when something fails. */
async function commands(tests) {
  if (!existsSync(join(root, 'node_modules', 'cmake-js'))) fail('cmake-js is not installed; run npm ci first.');
  const { BuildSystem } = require('cmake-js');
  const system = new BuildSystem({
    directory: nativeDirectory,
    out: buildDirectory,
    config: 'Release',
    parallel: jobs,
    cMakeOptions: { QUANTWRIGHT_TESTS: tests ? 'ON' : 'OFF' },
    noLog: true,
  });
  if (!system.options.isNodeApi) fail('native/package.json must name binary.napi_versions, or cmake-js would download headers.');
  return [await system.getConfigureCommand(), await system.getBuildCommand()];
}

function execute(what, [command, ...args]) {
  mkdirSync(buildDirectory, { recursive: true });
  const result = spawnSync(command, args, { cwd: buildDirectory, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.error) fail(`cannot ${what}: ${result.error.message}`);
  if (result.status === 0) return result.stdout;
  // The end of a compiler's output names the error; all of it can be megabytes.
  const lines = `${result.stdout}\n${result.stderr}`.trimEnd().split('\n');
  process.stderr.write(`${lines.slice(-80).join('\n')}\n`);
  return fail(`cannot ${what}: ${command} ended with ${result.signal ?? `code ${result.status}`}. The compiler's last lines are above.`);
}

function runTests(directory) {
  const output = execute('pass the kernel tests', ['ctest', '--test-dir', directory, '--output-on-failure', '--timeout', '300']);
  return /\d+% tests passed.*/.exec(output)?.[0] ?? 'no tests found';
}

/** Changes with every file the addon is made of, the headers it is compiled against, the platform and the compiler asked for. */
function hashSources() {
  const hash = createHash('sha256');
  const files = [join(root, 'CMakeLists.txt'), join(nativeDirectory, 'CMakeLists.txt'), ...sourcesUnder('kernels'), ...sourcesUnder('native/src')];
  for (const file of files)
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  for (const header of ['node-addon-api', 'node-api-headers', 'cmake-js']) hash.update(`${header} ${versionOf(header)}\0`);
  return hash.update(`${process.platform} ${process.arch} ${process.env.CXX ?? ''}`).digest('hex');
}

function sourcesUnder(directory) {
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(cc|h)$/.test(entry.name) && !/_(test|bench)\.cc$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function versionOf(name) {
  const file = [join(nativeDirectory, 'node_modules'), join(root, 'node_modules')].map((modules) => join(modules, name, 'package.json')).find(existsSync);
  return file === undefined ? 'missing' : JSON.parse(readFileSync(file, 'utf8')).version;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const flag = { type: 'boolean', default: false };
  const { values } = parseArgs({ options: { tests: flag, sanitize: flag, force: flag } });
  if (values.sanitize) testWithSanitizers();
  else await buildNative(values);
}
