// Start and stop of the language server, the settings it sees, and the two requests beyond the LSP. Never starts the engine.

import { type ExplainResult, explain, type ServerSettings, type TargetChoices, targetChoices } from '@quantwright/schemas/rpc/server';
import { type Disposable, type ExtensionContext, type LogOutputChannel, Uri, workspace } from 'vscode';
import { LanguageClient, type LanguageClientOptions, type ServerOptions, TransportKind } from 'vscode-languageclient/node';
import { modelDirectory, targets } from '../settings.ts';
import { documentSelector } from './selector.ts';

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
      synchronize: { fileEvents: workspace.createFileSystemWatcher('**/{config,quantize_config,*.quant}.json') },
      middleware: {
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

  async targetChoices(): Promise<TargetChoices> {
    await this.#started;
    return this.#client.sendRequest(targetChoices);
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
  return { targets: targets(), modelDirectory: workspace.isTrusted ? modelDirectory() : null, readNeighbours: workspace.isTrusted };
}
