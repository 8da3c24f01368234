// Entry of the extension-host suite, loaded by VS Code itself through `extensionTestsPath`: from launch.ts (the server build, in CI) and
// from scripts/test-electron.mjs (a desktop VS Code). Runs mocha in the extension host; rejects when a test failed or none ran.
import { writeFile } from 'node:fs/promises';
import { resultsVariable, type TestResult } from '../support/editor-results.ts';

/** First start of the language server and of the engine on a busy two-core machine included. */
const testTimeoutMs = 60_000;

export async function run(): Promise<void> {
  const { default: Mocha } = await import('mocha');
  const mocha = new Mocha({ ui: 'tdd', timeout: testTimeoutMs, color: false });
  // Suites are part of this bundle, so mocha has no files to load; it only has to lend them its `suite` and `test`.
  mocha.suite.emit('pre-require', globalThis, 'extension-host', mocha);
  await import('./suite/activation.test.ts');
  await import('./suite/diagnostics.test.ts');
  await import('./suite/language-features.test.ts');
  await import('./suite/server-features.test.ts');
  await import('./suite/engine.test.ts');

  const results: TestResult[] = [];
  await new Promise<void>((resolve) => {
    const runner = mocha.run(() => resolve());
    runner.on('pass', (test) => results.push({ title: test.fullTitle(), outcome: 'passed', milliseconds: test.duration ?? 0, error: null }));
    runner.on('pending', (test) => results.push({ title: test.fullTitle(), outcome: 'skipped', milliseconds: 0, error: null }));
    runner.on('fail', (test, error) =>
      results.push({ title: test.fullTitle(), outcome: 'failed', milliseconds: test.duration ?? 0, error: error.stack ?? error.message }),
    );
  });
  const file = process.env[resultsVariable];
  if (file !== undefined) await writeFile(file, JSON.stringify(results));

  const failed = results.filter(({ outcome }) => outcome === 'failed').length;
  if (failed > 0) throw new Error(`${failed} of ${results.length} tests failed`);
  if (results.length === 0) throw new Error('no test ran');
}
