// What every entry command needs before it can work: the right Node, a compiler, CMake, and the npm packages of the lock file.
// Each missing piece is named with what to install. Nothing is downloaded but npm packages.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Ends the command with a message for people. */
export function fail(message) {
  console.error(`\nquantwright: ${message}`);
  process.exit(1);
}

/** Runs a program in the project root; a failure ends the command. */
export function run(command, args, { quiet = false, env = {} } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (result.error) fail(`cannot start ${command}: ${result.error.message}`);
  if (result.status !== 0) {
    if (quiet) process.stderr.write(`${result.stdout}\n${result.stderr}\n`);
    fail(`${[command, ...args].join(' ')} ended with code ${result.status}`);
  }
  return result.stdout ?? '';
}

const answers = (command) => !spawnSync(command, ['--version'], { stdio: 'ignore' }).error;

/** Node >= 20, a C++17 compiler, CMake >= 3.18. */
export function requirePrerequisites() {
  const missing = [];
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) missing.push(`Node.js 20 or newer (this is ${process.versions.node}): https://nodejs.org`);
  if (!answers('cmake')) missing.push('CMake 3.18 or newer (Debian/Ubuntu: apt install cmake; macOS: brew install cmake)');
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean);
  if (!compilers.some(answers)) missing.push('a C++17 compiler (Debian/Ubuntu: apt install g++ make; macOS: xcode-select --install)');
  if (missing.length > 0) fail(`these are missing:\n${missing.map((line) => `  - ${line}`).join('\n')}`);
}

/** Installs the packages of package-lock.json unless they are there. Install scripts are not needed and not run. */
export function installDependencies() {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.quantwright-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  console.log('Installing npm packages ...');
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}
