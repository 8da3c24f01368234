// npm run test:editor: the tests that need a real VS Code, on the packaged extension.
//   1. the extension-host suite (test/extension-host): mocha inside the extension host of the VS Code server;
//   2. the journeys (test/e2e/journeys): Chromium drives the workbench as a user would.
// Options: --vsix FILE    take this package instead of making one
//          --suite NAME   only `extension-host` or `journeys`
//          --out DIR      for screenshots and logs; default: test/e2e/screenshots
//          NAME...        only the journeys whose file name holds one of these
// The last line says how many passed, failed and were skipped; nothing run counts as a failure.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fail, installDependencies, root } from './setup.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { vsix: { type: 'string' }, suite: { type: 'string' }, out: { type: 'string', default: 'test/e2e/screenshots' } },
});
if (values.suite !== undefined && !['extension-host', 'journeys'].includes(values.suite)) fail('--suite is extension-host or journeys');

installDependencies();
const { bundleExtensionHostSuite, bundleRunner } = await import('./editor-bundles.mjs');
const installation = lastLine('bash', ['scripts/install-editor.sh']);
const vsix = resolve(root, values.vsix ?? lastLine(process.execPath, ['scripts/package.mjs']));

const runs = [];
if (values.suite !== 'journeys' && positionals.length === 0) {
  const runner = await bundleRunner('test/extension-host/launch.ts', 'extension-host-launch.mjs');
  runs.push({ name: 'extension host', runner, args: ['--suite', await bundleExtensionHostSuite()] });
}
if (values.suite !== 'extension-host') {
  runs.push({ name: 'journeys', runner: await bundleRunner('test/e2e/run.ts', 'journeys.mjs'), args: positionals });
}

const scratch = mkdtempSync(join(tmpdir(), 'quantwright-results-'));
const results = [];
let good = true;
for (const { name, runner, args } of runs) {
  console.log(`\n${name}`);
  const file = join(scratch, `${name}.json`);
  const out = resolve(root, values.out);
  const command = ['--enable-source-maps', runner, '--installation', installation, '--vsix', vsix, '--out', out, '--results', file, ...args];
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  good &&= status === 0;
  results.push(...readResults(file));
}
rmSync(scratch, { recursive: true, force: true });

const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
process.exitCode = good && count('passed') > 0 && count('failed') === 0 ? 0 : 1;

/** The last line that a command prints on standard output; its other messages are shown. */
function lastLine(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const lines = (result.stdout ?? '').trim().split('\n');
  if (result.status !== 0) fail(`${[command, ...args].join(' ')} ended with code ${result.status ?? result.signal}\n${lines.slice(-30).join('\n')}`);
  return lines.at(-1);
}

/** Nothing when the runner ended before it could write; its exit status tells then. */
function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}
