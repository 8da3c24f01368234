// The job view: one panel beside the editors that shows the job that runs, or the last one. It opens by itself when a job begins to train, since
// its losses are told nowhere else; else when it is asked for.
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import type { QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import type { FromJob, JobEnding, JobHead, ToJob } from '@quantwright/schemas/rpc/job-view';
import { commands, type Disposable, Uri, ViewColumn, type WebviewPanel, window } from 'vscode';
import { viewDocument } from '../view-document.ts';
import { JobRecord } from './job-record.ts';

const viewType = 'quantwright.job';
/** Steps of training come faster than anybody reads. */
const batchMs = 100;

/** What a job says of itself to the board. */
export interface Job {
  report(line: string, percent: number, progress: QuantizeProgress | null): void;
  end(ending: JobEnding): void;
}

export class JobBoard implements Disposable {
  readonly #extension: Uri;
  #record: JobRecord | null = null;
  #cancel: (() => void) | null = null;
  #panel: WebviewPanel | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(extension: Uri) {
    this.#extension = extension;
  }

  /** `cancel` ends the job, when the user asks for that in the view. */
  begin(head: JobHead, cancel: () => void): Job {
    const record = new JobRecord(head);
    this.#record = record;
    this.#cancel = cancel;
    this.#show(record);
    const mine = (): boolean => this.#record === record;
    return {
      report: (line, percent, progress) => {
        const trained = record.trains;
        record.add(line, percent, progress);
        if (mine() && record.trains && !trained) this.open(true);
        if (mine()) this.#later();
      },
      end: (ending) => {
        record.ending = ending;
        if (!mine()) return;
        this.#cancel = null;
        this.#flush();
        this.#post({ type: 'ending', ending });
      },
    };
  }

  /** Beside the editors, or where it is already. `keepFocus`: the user is in the middle of something else. */
  open(keepFocus: boolean): void {
    if (this.#panel !== null) {
      this.#panel.reveal(undefined, keepFocus);
      return;
    }
    const root = Uri.joinPath(this.#extension, 'dist', 'webview');
    const where = { viewColumn: ViewColumn.Beside, preserveFocus: keepFocus };
    const panel = window.createWebviewPanel(viewType, 'Job', where, { enableScripts: true, localResourceRoots: [root], retainContextWhenHidden: false });
    this.#panel = panel;
    panel.webview.onDidReceiveMessage((message: FromJob) => this.#receive(message));
    panel.onDidDispose(() => {
      this.#panel = null;
    });
    const resource = (name: string) => panel.webview.asWebviewUri(Uri.joinPath(root, name)).toString();
    panel.webview.html = viewDocument({
      view: viewType,
      title: 'Job',
      element: 'quantwright-job',
      cspSource: panel.webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      script: resource('job.js'),
      style: resource('job.css'),
      codicons: resource('codicon.css'),
    });
    if (this.#record !== null) this.#show(this.#record);
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#panel?.dispose();
  }

  #show(record: JobRecord): void {
    if (this.#panel !== null) this.#panel.title = `Job: ${record.head.model}`;
    this.#post(record.whole());
  }

  #receive(message: FromJob): void {
    const record = this.#record;
    switch (message.type) {
      case 'ready':
        this.#post(record === null ? { type: 'job', job: null } : record.whole());
        return;
      case 'cancel':
        this.#cancel?.();
        return;
      case 'chat':
        if (record !== null) void commands.executeCommand('quantwright.chatWithModel', { modelDir: record.head.outDir });
        return;
      case 'reveal':
        if (record !== null) void commands.executeCommand('revealInExplorer', Uri.file(record.head.outDir));
        return;
    }
  }

  #later(): void {
    this.#timer ??= setTimeout(() => this.#flush(), batchMs);
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // A view that does not exist yet asks for everything when it does.
    if (this.#panel !== null && this.#record !== null) this.#post(this.#record.batch());
  }

  #post(message: ToJob): void {
    void this.#panel?.webview.postMessage(message);
  }
}

/** Paths as the view names them. */
export function jobHead({ modelDir, configPath, outDir }: { readonly modelDir: string; readonly configPath: string; readonly outDir: string }): JobHead {
  return { model: basename(modelDir), config: basename(configPath), outDir };
}
