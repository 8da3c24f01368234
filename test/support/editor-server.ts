// A VS Code server for the editor tests: a fresh data folder, the settings a test needs, our package installed, one process that is
// ended by its own id. It never touches the user's own settings and never reaches the network.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export interface EditorServerOptions {
  /** Folder that scripts/install-editor.sh printed. */
  readonly installation: string;
  /** Package to install; null: the extension comes in another way (extensionDevelopmentPath). */
  readonly vsix: string | null;
  /** User settings on top of `quietSettings`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** True: a window is not trusted until its user trusts it. Otherwise all are. */
  readonly askForTrust?: boolean;
  /** Needed to run tests inside the extension host; a built VS Code ignores extensionTestsPath without it. */
  readonly smokeTestDriver?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

export interface EditorServer {
  /** http://127.0.0.1:PORT */
  readonly base: string;
  readonly pid: number;
  /** Folder of the installed extensions. */
  readonly extensionsDir: string;
  /** Copies the server's and the extension hosts' logs (our output channels among them) to `target`. */
  saveLogs(target: string): Promise<void>;
  /** Ends the process and deletes its data. */
  stop(): Promise<void>;
}

/** Unpacks a package to `folder` as an installation would; returns the folder with its package.json. */
export async function unpackVsix(installation: string, vsix: string, folder: string): Promise<string> {
  const extensions = join(folder, 'ext');
  await install(installation, vsix, ['--server-data-dir', folder, '--user-data-dir', join(folder, 'data'), '--extensions-dir', extensions]);
  const [unpacked] = (await readdir(extensions, { withFileTypes: true })).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  if (unpacked === undefined) throw new Error(`${vsix} was not installed to ${extensions}`);
  return join(extensions, unpacked.name);
}

async function install(installation: string, vsix: string, folders: readonly string[]): Promise<void> {
  const main = join(installation, 'vscode', 'out', 'server-main.js');
  await promisify(execFile)(join(installation, 'node'), [main, ...folders, '--accept-server-license-terms', '--install-extension', vsix], {
    env: { ...process.env, EXTENSIONS_GALLERY: '{}' },
  });
}

/** Everything that moves, asks or phones home is off; autosave too, which is on by default in the web build. */
const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': 'off',
  'extensions.ignoreRecommendations': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.localHistory.enabled': false,
  'chat.disableAIFeatures': true,
  'chat.agentHost.enabled': false,
  'files.autoSave': 'off',
  'files.simpleDialog.enable': true,
  'git.enabled': false,
  'editor.minimap.enabled': false,
  'workbench.reduceMotion': 'on',
  'editor.cursorBlinking': 'solid',
};

/** Windows start restricted; the dialog that would cover them is left out, because VS Code asks it, not we. */
const trustSettings = { 'security.workspace.trust.enabled': true, 'security.workspace.trust.startupPrompt': 'never' };

/** Seconds a closed window's extension host is kept for a reconnection: short, so that no test meets the last one's processes. */
const reconnectionGraceSeconds = 1;
const startTimeoutMs = 60_000;

export async function startEditorServer(options: EditorServerOptions): Promise<EditorServer> {
  const run = await mkdtemp(join(tmpdir(), 'quantwright-editor-'));
  const extensionsDir = join(run, 'ext');
  await mkdir(join(run, 'data', 'User'), { recursive: true });
  const settings = { ...quietSettings, ...(options.askForTrust === true ? trustSettings : {}), ...options.settings };
  await writeFile(join(run, 'data', 'User', 'settings.json'), JSON.stringify(settings, null, 2));

  const main = join(options.installation, 'vscode', 'out', 'server-main.js');
  const folders = ['--server-data-dir', run, '--user-data-dir', join(run, 'data'), '--extensions-dir', extensionsDir];
  const env = { ...process.env, ...options.env, EXTENSIONS_GALLERY: '{}' };
  if (options.vsix !== null) await install(options.installation, options.vsix, folders);

  const flags = ['--host', '127.0.0.1', '--port', '0', '--without-connection-token', '--accept-server-license-terms', '--telemetry-level', 'off'];
  flags.push('--reconnection-grace-time', String(reconnectionGraceSeconds), ...folders);
  if (options.askForTrust !== true) flags.push('--disable-workspace-trust');
  if (options.smokeTestDriver === true) flags.push('--enable-smoke-test-driver');
  const child = spawn(join(options.installation, 'node'), [main, ...flags], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  const base = await listening(child, output);

  return {
    base,
    pid: child.pid ?? 0,
    extensionsDir,
    async saveLogs(target) {
      await mkdir(target, { recursive: true });
      await writeFile(join(target, 'server.log'), output.join('\n'));
      for (const name of await readdir(join(run, 'data', 'logs')).catch(() => [])) {
        await cp(join(run, 'data', 'logs', name), join(target, name), { recursive: true });
      }
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        child.kill('SIGTERM');
        const hard = setTimeout(() => child.kill('SIGKILL'), 5_000);
        await gone;
        clearTimeout(hard);
      }
      await rm(run, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function listening(child: ChildProcess, output: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const giveUp = (why: string) => {
      child.kill('SIGKILL');
      reject(new Error(`the VS Code server ${why}:\n${output.slice(-20).join('\n')}`));
    };
    const timer = setTimeout(() => giveUp(`was not up after ${startTimeoutMs / 1000} s`), startTimeoutMs);
    child.once('error', (error) => giveUp(`could not be started (${error.message})`));
    child.once('exit', (code) => {
      clearTimeout(timer);
      giveUp(`ended with code ${code}`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line);
        const port = /Extension host agent listening on (\d+)/.exec(line)?.[1];
        if (port === undefined) return;
        clearTimeout(timer);
        resolve(`http://127.0.0.1:${port}`);
      });
    }
  });
}
