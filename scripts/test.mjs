// npm test: installs, builds, checks style, then runs the kernel tests (ctest) and every *.test.js (node:test).
// `node scripts/test.mjs PATTERN...` runs only the TypeScript tests whose path holds one of the patterns.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from './build.mjs';
import { fail, root, run } from './setup.mjs';

function testFiles(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testFiles(path);
    return entry.name.endsWith('.test.js') ? [path] : [];
  });
}

const patterns = process.argv.slice(2);
build();
if (patterns.length === 0) {
  run(process.execPath, ['scripts/check.mjs']);
  run(process.execPath, ['scripts/native.mjs', '--tests']);
  run(process.execPath, ['scripts/native.mjs', '--cross', 'aarch64', '--if-installed']);
}

// The extension-host suite and the journeys need an editor: scripts/test-editor.mjs runs them.
const files = ['schemas', 'native', 'engine', 'server', 'client', 'test']
  .flatMap((workspace) => testFiles(join(root, workspace, 'out')))
  .map((path) => relative(root, path))
  .filter((path) => !/test\/out\/(extension-host|e2e)\//.test(path))
  .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)));
if (files.length === 0) fail(`no test file matches ${patterns.join(' ')}`);
const result = spawnSync(process.execPath, ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files], { cwd: root, stdio: 'inherit' });
process.exit(result.status ?? 1);
