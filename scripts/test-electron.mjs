// The extension-host suite in a desktop VS Code, for a developer's machine: the same entry that scripts/test-editor.mjs loads.
// VSCODE_EXECUTABLE names an installed VS Code; without it @vscode/test-electron downloads one. Runs the extension of this checkout,
// so `npm run build` comes first. On Linux without a display, run it under xvfb-run.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installDependencies, root } from './setup.mjs';

installDependencies();
const { runTests } = await import('@vscode/test-electron');
const { bundleExtensionHostSuite } = await import('./editor-bundles.mjs');

const scratch = mkdtempSync(join(tmpdir(), 'quantwright-electron-'));
const results = join(scratch, 'results.json');
const workspace = mkdtempSync(join(scratch, 'workspace-'));
const executable = process.env['VSCODE_EXECUTABLE'];
try {
  await runTests({
    ...(executable === undefined ? {} : { vscodeExecutablePath: executable }),
    extensionDevelopmentPath: root,
    extensionTestsPath: await bundleExtensionHostSuite(),
    launchArgs: [workspace, '--disable-extensions', '--user-data-dir', join(scratch, 'data'), '--extensions-dir', join(scratch, 'ext')],
    extensionTestsEnv: { QUANTWRIGHT_TEST_RESULTS: results, QUANTWRIGHT_ROOT: root },
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

let tests = [];
try {
  tests = JSON.parse(readFileSync(results, 'utf8'));
} catch {
  console.error('the suite wrote no results: VS Code did not start it');
  process.exitCode = 1;
}
for (const { title, outcome, error } of tests) console.log(`${outcome}: ${title}${error === null ? '' : `\n${error}`}`);
const count = (outcome) => tests.filter((result) => result.outcome === outcome).length;
console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
rmSync(scratch, { recursive: true, force: true });
