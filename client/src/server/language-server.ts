// Start and stop of the language server, the settings it sees, and the requests that features make beyond what the editor asks by itself.
// Never starts the engine.
import {
  type ExplainResult,
  explain,
  type MatrixParams,
  type MatrixResult,
  matrix,
  type ServerSettings,
  type TargetChoices,
  targetChoices,
} from '@quantwright/schemas/rpc/server';
import { type Disposable, type ExtensionContext, type LogOutputChannel, type TextDocument, Uri, type WorkspaceEdit, workspace } from 'vscode';
import { CodeActionRequest, LanguageClient, type LanguageClientOptions, type ServerOptions, TransportKind } from 'vscode-languageclient/node';
import { modelDirectory, severities, shows, suppressedCodes, targets } from '../settings.ts';
import { documentSelector } from './selector.ts';

/** A change of a document that the server offers. */
export interface OfferedEdit {
  readonly title: string;
  readonly edit: WorkspaceEdit;
  /** What the server says about it beyond the LSP. */
  readonly data: unknown;
}

export class LanguageServer implements Disposable {
  readonly #client: LanguageClient;
  readonly #subscriptions: Disposable[] = [];
  readonly #started: Promise<void>;

  constructor(extension: ExtensionContext, log: LogOutputChannel) {
    const module = Uri.joinPath(extension.extensionUri, 'dist', 'server.js').fsPath;
    const server: ServerOptions = {
      run: { module, transport: TransportKind.ipc },
      debug: { module, transport: TransportKind.ipc, options: { execArgv: ['--nolazy', '--inspect=6011'] } },
    };
    const options: LanguageClientOptions = {
      documentSelector,
      // The editor's own JSON support formats and outlines these files already.
      initializationOptions: { ...serverSettings(), provideFormatting: false, provideDocumentSymbols: false },
      outputChannel: log,
      diagnosticCollectionName: 'quantwright',
      middleware: {
        provideInlayHints: (document, range, token, next) => (shows('inlayHints', document) ? next(document, range, token) : []),
        provideCodeLenses: (document, token, next) => (shows('codeLens', document) ? next(document, token) : []),
        workspace: {
          // The server pulls section `quantwright`; trust is not a setting, so it is added here.
          configuration: async (params, token, next) => {
            const values = await next(params, token);
            if (!Array.isArray(values)) return values;
            return values.map((value: unknown, index) => (params.items[index]?.section === 'quantwright' ? serverSettings() : value));
          },
        },
      },
    };
    this.#client = new LanguageClient('quantwright', 'Quantwright', server, options);
    this.#started = this.#client.start();
    this.#subscriptions.push(
      workspace.onDidGrantWorkspaceTrust(() => this.#settingsChanged()),
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('quantwright')) void this.#settingsChanged();
      }),
    );
  }

  /** Resolves when the server answers; rejects with its start-up error. */
  whenReady(): Promise<void> {
    return this.#started;
  }

  async explain(uri: Uri): Promise<ExplainResult> {
    await this.#started;
    return this.#client.sendRequest(explain, { uri: this.#client.code2ProtocolConverter.asUri(uri) });
  }

  /** How the server names the document. */
  uriOf(document: TextDocument): string {
    return this.#client.code2ProtocolConverter.asUri(document.uri);
  }

  async targetChoices(): Promise<TargetChoices> {
    await this.#started;
    return this.#client.sendRequest(targetChoices);
  }

  async matrix(params: MatrixParams): Promise<MatrixResult> {
    await this.#started;
    return this.#client.sendRequest(matrix, params);
  }

  /** Actions of one kind (`refactor.rewrite`, `source.fixAll.quantwright`) for the whole document, with what the server adds to them. */
  async edits(document: TextDocument, kind: string): Promise<readonly OfferedEdit[]> {
    await this.#started;
    const { code2ProtocolConverter: toServer, protocol2CodeConverter: toEditor } = this.#client;
    const end = document.lineAt(document.lineCount - 1).range.end;
    const actions = await this.#client.sendRequest(CodeActionRequest.type, {
      textDocument: toServer.asTextDocumentIdentifier(document),
      range: { start: { line: 0, character: 0 }, end: toServer.asPosition(end) },
      context: { diagnostics: [], only: [kind] },
    });
    const offered = (actions ?? []).map(async (action) => {
      const edit = 'edit' in action ? await toEditor.asWorkspaceEdit(action.edit) : undefined;
      return edit === undefined ? [] : [{ title: action.title, edit, data: 'data' in action ? action.data : undefined }];
    });
    return (await Promise.all(offered)).flat();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    void this.#client.dispose();
  }

  async #settingsChanged(): Promise<void> {
    await this.#started;
    await this.#client.sendNotification('workspace/didChangeConfiguration', { settings: { quantwright: serverSettings() } });
  }
}

function serverSettings(): ServerSettings {
  return {
    targets: targets(),
    modelDirectory: workspace.isTrusted ? modelDirectory() : null,
    readNeighbours: workspace.isTrusted,
    severity: severities(),
    suppress: suppressedCodes(),
  };
}
