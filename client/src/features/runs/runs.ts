// Command Show Runs: a panel with the run stores of the workspace, which follows them while it is open.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { reportParts } from '@quantwright/schemas/report/report';
import { scriptHash } from '@quantwright/schemas/report/script';
import type { FromRuns, ToRuns } from '@quantwright/schemas/rpc/runs-view';
import { Disposable, env, RelativePattern, Uri, ViewColumn, type WebviewPanel, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { viewDocument } from '../view-document.ts';
import { runRow } from './run-row.ts';
import { RunStore, storeFolder } from './run-store.ts';

const viewType = 'quantwright.runs';
/** A sweep may append several runs at once. */
const settleMs = 150;

export function activate(context: QuantwrightContext): void {
  let panel: WebviewPanel | null = null;
  context.own(new Disposable(() => panel?.dispose()));
  context.command('quantwright.showRuns', () => {
    if (!workspace.isTrusted) {
      void window.showWarningMessage('Showing runs needs a trusted workspace, because it reads files of the workspace.');
      return;
    }
    if (panel !== null) {
      panel.reveal();
      return;
    }
    panel = open(context);
    panel.onDidDispose(() => {
      panel = null;
    });
  });
}

function open(context: QuantwrightContext): WebviewPanel {
  const root = Uri.joinPath(context.extension.extensionUri, 'dist', 'webview');
  const panel = window.createWebviewPanel(viewType, 'Runs', ViewColumn.Active, { enableScripts: true, enableFindWidget: true, localResourceRoots: [root] });
  const { webview } = panel;
  const store = new RunStore();
  let left: readonly string[] = [];
  let timer: NodeJS.Timeout | null = null;
  /** One listing after another, so that a slow one never overwrites a later one. */
  let listed: Promise<void> = Promise.resolve();

  const show = (): void => {
    listed = listed.then(async () => {
      const stores = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => join(uri.fsPath, storeFolder));
      const { runs, unread } = await store.list(stores);
      const { summary, nav, sections } = reportParts(runs.filter(({ file }) => !left.includes(file)).map(({ run }) => run));
      const rows = runs.map(({ run, file }) => runRow(run, file));
      const message: ToRuns = { type: 'runs', runs: rows, unread, stores, left, report: { summary, html: nav.html + sections.html } };
      await webview.postMessage(message);
    });
    listed = listed.catch((error: unknown) => context.log.error(`Listing the runs: ${String(error)}`));
  };
  const later = (): void => {
    timer ??= setTimeout(() => {
      timer = null;
      show();
    }, settleMs);
  };

  const watching = (workspace.workspaceFolders ?? []).map((folder) => {
    const watcher = workspace.createFileSystemWatcher(new RelativePattern(folder, '.quantwright/runs/*.json'));
    return Disposable.from(watcher, watcher.onDidCreate(later), watcher.onDidChange(later), watcher.onDidDelete(later));
  });
  webview.onDidReceiveMessage((message: FromRuns) => {
    if (message.type === 'choose') {
      left = message.left;
      show();
    }
    if (message.type === 'copy') void env.clipboard.writeText(message.text);
    if (message.type === 'open') void window.showTextDocument(Uri.file(message.file), { viewColumn: ViewColumn.Beside, preview: true });
  });
  panel.onDidDispose(() => {
    Disposable.from(...watching).dispose();
    if (timer !== null) clearTimeout(timer);
  });

  const resource = (name: string) => webview.asWebviewUri(Uri.joinPath(root, name)).toString();
  webview.html = viewDocument({
    view: viewType,
    title: 'Runs',
    element: 'quantwright-runs',
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString('base64url'),
    script: resource('runs.js'),
    style: resource('runs.css'),
    codicons: resource('codicon.css'),
    innerScriptHash: scriptHash,
  });
  return panel;
}
