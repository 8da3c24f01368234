// Runs the journeys on the packaged extension: one browser for all, one server for those in trusted folders, a fresh folder and window for each.
// Always leaves a screenshot of the last moment; on failure also the logs of the server and the extension host.
// Usage: node dist-test/journeys.mjs --installation DIR --vsix FILE --out DIR --results FILE [NAME...]
// A NAME runs only the journeys whose file name holds it.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { launchBrowser, viewport } from '../support/editor-browser.ts';
import { poll } from '../support/editor-poll.ts';
import { engineProcesses, extensionHosts } from '../support/editor-processes.ts';
import { printResult, type TestResult } from '../support/editor-results.ts';
import { type EditorServer, startEditorServer } from '../support/editor-server.ts';
import { Workbench } from '../support/editor-workbench.ts';
import { createWorkspace } from '../support/editor-workspace.ts';
import type { Journey } from './journey.ts';
import { journeys } from './journeys/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { installation: { type: 'string' }, vsix: { type: 'string' }, out: { type: 'string' }, results: { type: 'string' } },
});
const option = (name: keyof typeof values): string => {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is needed`);
  return value;
};

async function main(): Promise<readonly TestResult[]> {
  const out = option('out');
  await mkdir(out, { recursive: true });
  const results: TestResult[] = [];
  const browser = await launchBrowser();
  const servers = new Map<boolean, EditorServer>();
  try {
    for (const [name, journey] of Object.entries(journeys)) {
      if (positionals.length > 0 && !positionals.some((wanted) => name.includes(wanted))) continue;
      const started = Date.now();
      const error = await play(name, journey, browser, await serverFor(journey.restricted === true, servers), out);
      const result: TestResult = {
        title: `${name}: ${journey.title}`,
        outcome: error === null ? 'passed' : 'failed',
        milliseconds: Date.now() - started,
        error,
      };
      printResult(result);
      results.push(result);
    }
  } finally {
    for (const server of servers.values()) await server.stop();
    await browser.close();
  }
  return results;
}

/** Trust is a flag of the server, so there are at most two of them. */
async function serverFor(restricted: boolean, servers: Map<boolean, EditorServer>): Promise<EditorServer> {
  const known = servers.get(restricted);
  if (known !== undefined) return known;
  const server = await startEditorServer({ installation: option('installation'), vsix: option('vsix'), askForTrust: restricted });
  servers.set(restricted, server);
  return server;
}

/** Returns what went wrong, or null. */
async function play(name: string, journey: Journey, browser: Browser, server: EditorServer, out: string): Promise<string | null> {
  const workspace = await createWorkspace(journey.folder);
  const logs = join(out, `${name}-logs`);
  await rm(logs, { recursive: true, force: true });
  let workbench: Workbench | null = null;
  let failure: string | null = null;
  try {
    await journey.prepare(workspace);
    workbench = await Workbench.open(browser, server.base, workspace.dir);
    const { page } = workbench;
    const screenshot = async (moment: string): Promise<void> => {
      await page.screenshot({ path: join(out, `${name}-${moment}.png`), animations: 'disabled' });
    };
    const picture = async (title: string, heightPx = viewport.height): Promise<void> => {
      const clip = { x: 0, y: 0, width: viewport.width, height: heightPx };
      await page.screenshot({ path: join(out, 'docs', `${title}.png`), clip, animations: 'disabled' });
    };
    await journey.play({ workbench, workspace, serverPid: server.pid, screenshot, picture });
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  await workbench?.page.screenshot({ path: join(out, `${name}.png`) }).catch(() => undefined);
  await workbench?.close();
  try {
    await poll('the closed window to end its processes', () => extensionHosts(server.pid).length + engineProcesses(server.pid).length === 0);
  } catch (error) {
    failure ??= String(error);
  }
  if (failure !== null) {
    await server.saveLogs(logs);
    failure += `\nlogs: ${logs}`;
  }
  await workspace.remove();
  return failure;
}

const results = await main();
await writeFile(option('results'), JSON.stringify(results));
process.exitCode = results.some(({ outcome }) => outcome === 'failed') || results.length === 0 ? 1 : 0;
