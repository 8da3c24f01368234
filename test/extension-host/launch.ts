// Runs the extension-host suite in the VS Code server: no desktop, no display, the packaged extension in the real node extension host.
// Usage: node dist-test/extension-host-launch.mjs --installation DIR --vsix FILE --suite dist-test/extension-host.js --out DIR --results FILE
// Exit 0: the suite ran and passed. `results` is written by the suite itself, whatever it found.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { format, parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { launchBrowser, viewport } from '../support/editor-browser.ts';
import { printResult, resultsVariable, type TestResult } from '../support/editor-results.ts';
import { startEditorServer, unpackVsix } from '../support/editor-server.ts';

/** The whole suite in one launch; far above what it needs, so that only a hang meets it. */
const suiteTimeoutMs = 240_000;

const { values } = parseArgs({
  options: { installation: { type: 'string' }, vsix: { type: 'string' }, suite: { type: 'string' }, out: { type: 'string' }, results: { type: 'string' } },
});
const option = (name: keyof typeof values): string => {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is needed`);
  return value;
};

async function main(): Promise<boolean> {
  const scratch = await mkdtemp(join(tmpdir(), 'quantwright-suite-'));
  const browser = await launchBrowser();
  try {
    const extension = await unpackVsix(option('installation'), option('vsix'), join(scratch, 'extension'));
    const folder = join(scratch, 'workspace'); // the suite writes its own files into it
    await mkdir(folder);
    const env = { [resultsVariable]: option('results'), QUANTWRIGHT_ROOT: process.cwd() };
    const server = await startEditorServer({ installation: option('installation'), vsix: null, smokeTestDriver: true, env });
    try {
      const page = await browser.newPage({ viewport });
      const output: string[] = [];
      const code = await runSuite(page, server.base, extension, folder, output);
      const results = JSON.parse(await readFile(option('results'), 'utf8').catch(() => '[]')) as TestResult[];
      results.forEach(printResult);
      const good = code === 0 && results.length > 0;
      if (!good) {
        const out = option('out');
        await mkdir(out, { recursive: true });
        await page.screenshot({ path: join(out, 'extension-host.png') }).catch(() => undefined);
        await server.saveLogs(join(out, 'extension-host-logs'));
        console.log(`the suite ended with ${code}; last lines of the window and the extension host:\n${output.slice(-60).join('\n')}`);
        console.log(`logs: ${join(out, 'extension-host-logs')}`);
      }
      return good;
    } finally {
      await server.stop();
    }
  } finally {
    await browser.close();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Opens the window that runs the suite. Resolves with 0 (passed), 1 (failed) or 'timeout'; the console of all goes to `output`. */
async function runSuite(page: Page, base: string, extension: string, folder: string, output: string[]): Promise<number | 'timeout'> {
  await page.exposeFunction('codeAutomationLog', (type: string, args: unknown) => void output.push(`[${type}] ${format(...[args].flat())}`));
  const ended = new Promise<number>((resolve) => void page.exposeFunction('codeAutomationExit', resolve));
  const remote = (path: string): string => `vscode-remote://${new URL(base).host}${path}`;
  const payload = [
    ['extensionDevelopmentPath', remote(extension)],
    ['extensionTestsPath', remote(option('suite'))],
    ['skipWelcome', 'true'],
  ];
  await page.goto(`${base}/?folder=${encodeURIComponent(folder)}&payload=${encodeURIComponent(JSON.stringify(payload))}`, { waitUntil: 'domcontentloaded' });
  const giveUp = new AbortController();
  const timeout = sleep(suiteTimeoutMs, 'timeout' as const, { signal: giveUp.signal }).catch(() => 'timeout' as const);
  const code = await Promise.race([ended, timeout]);
  giveUp.abort();
  return code;
}

process.exitCode = (await main()) ? 0 : 1;
