// Composition root of the language server: connects the LSP to the pure service, and owns documents, settings and scheduling.
// No feature logic here. Whatever a document holds, a handler answers: a fault is logged and answered with an empty result.
import { runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import type { ServerSettings } from '@quantwright/schemas/rpc/server';
import { explain, targetChoices } from '@quantwright/schemas/rpc/server';
import {
  type CancellationToken,
  type Connection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  TextDocuments,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { diagnosticPages } from '../features/documentation.ts';
import { createService, type Service } from '../service.ts';
import { defaultSettings, readSettings } from '../settings.ts';
import { canonicalUri } from '../workspace/modelConfig.ts';
import { createNeighbours } from '../workspace/neighbours.ts';
import { createChecks, debounceMs } from './checks.ts';
import { type ClientFeatures, initializeResult, readClientFeatures } from './initialize.ts';
import { createSettingsGate } from './settings-gate.ts';

export interface ServerEffects {
  readonly readText: (uri: string) => Promise<string | null>;
  /** Where the pages of the diagnostics are (a file URI), or null. */
  readonly documentation: string | null;
}

/** How long a client may take to answer for its settings before the defaults are used. */
const settingsPatienceMs = 2000;

export function startServer(connection: Connection, effects: ServerEffects): void {
  const documents = new TextDocuments(TextDocument);
  let settings: ServerSettings = defaultSettings;
  let folders: readonly string[] = [];
  let client: ClientFeatures = readClientFeatures({ processId: null, rootUri: null, capabilities: {} });

  const gate = createSettingsGate();

  const openText = (uri: string): string | undefined =>
    documents
      .all()
      .find((document) => canonicalUri(document.uri) === canonicalUri(uri))
      ?.getText();
  const neighbours = createNeighbours({ readText: effects.readText, openText });
  const service: Service = createService({
    targets: () => settings.targets,
    modelConfigFor: (uri) => neighbours.modelConfigFor(uri, settings, folders),
    diagnosticPage: diagnosticPages(effects.documentation),
    snippets: () => client.snippets,
  });

  const adopt = (value: unknown): void => {
    const read = readSettings(
      value,
      settings,
      runtimes.map((runtime) => runtime.id),
    );
    for (const problem of read.problems) connection.console.warn(problem);
    settings = read.settings;
  };
  const pullSettings = async (): Promise<void> => {
    if (!client.configuration) return;
    try {
      adopt(await connection.workspace.getConfiguration('quantwright'));
    } catch (error) {
      connection.console.warn(`The settings could not be read, the former ones stay: ${String(error)}`);
    }
  };

  const checks = createChecks({
    document: (uri) => documents.get(uri),
    diagnostics: (document) => answer('diagnostics', [], () => gate.passed.then(() => service.diagnostics(document))),
    publish: (params) => connection.sendDiagnostics(params),
    logError: (message) => connection.console.error(message),
  });
  const checkAll = (): void => {
    for (const document of documents.all()) checks.again(document.uri, 0);
  };
  const checkDependents = (changedUri: string, delayMs: number): void => {
    for (const { uri } of documents.all()) {
      if (neighbours.concerns(uri, changedUri, settings, folders)) checks.again(uri, delayMs);
    }
  };

  async function answer<Result>(feature: string, nothing: Result, compute: () => Result | Promise<Result>): Promise<Result> {
    try {
      return await compute();
    } catch (error) {
      connection.console.error(`${feature}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return nothing;
    }
  }

  /** A request about an open document: cancelled ones and unknown documents get the empty result. */
  async function about<Result>(
    feature: string,
    uri: string,
    token: CancellationToken,
    nothing: Result,
    compute: (document: TextDocument) => Promise<Result>,
  ): Promise<Result> {
    // A turn of the event loop lets a cancellation that is already on the wire arrive before the work begins.
    await new Promise((resume) => setImmediate(resume));
    await gate.passed;
    const document = documents.get(uri);
    if (document === undefined || token.isCancellationRequested) return nothing;
    return answer(feature, nothing, () => compute(document));
  }

  connection.onInitialize((params) => {
    client = readClientFeatures(params);
    folders = client.folders;
    adopt(params.initializationOptions);
    if (client.configuration) setTimeout(() => gate.open(), settingsPatienceMs).unref();
    else gate.open();
    connection.console.info(`quantwright-lsp on Node ${process.version}, ${process.platform} ${process.arch}, process ${process.pid}`);
    return initializeResult(client);
  });
  connection.onInitialized(async () => {
    if (client.dynamicConfiguration) await connection.client.register(DidChangeConfigurationNotification.type, { section: 'quantwright' });
    if (client.dynamicWatchers) {
      await connection.client.register(DidChangeWatchedFilesNotification.type, { watchers: [{ globPattern: '**/config.json' }] });
    }
    if (client.workspaceFolders) {
      connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
        const gone = new Set(removed.map((folder) => folder.uri));
        folders = [...folders.filter((uri) => !gone.has(uri)), ...added.map((folder) => folder.uri)];
        checkAll();
      });
    }
    if (!client.configuration) return;
    await pullSettings();
    if (!gate.open()) checkAll();
  });
  connection.onDidChangeConfiguration(async ({ settings: pushed }) => {
    if (client.configuration) await pullSettings();
    else adopt((pushed as { quantwright?: unknown } | null)?.quantwright);
    checkAll();
  });
  connection.onDidChangeWatchedFiles(({ changes }) => {
    for (const { uri } of changes) {
      neighbours.forget(uri);
      checkDependents(uri, 0);
    }
  });

  documents.onDidOpen(({ document }) => {
    checks.opened(document);
    checkDependents(document.uri, 0);
  });
  documents.onDidChangeContent(({ document }) => {
    checks.changed(document);
    checkDependents(document.uri, debounceMs);
  });
  documents.onDidClose(({ document }) => {
    checks.closed(document.uri);
    service.forget(document.uri);
    neighbours.forget(document.uri);
    checkDependents(document.uri, 0);
  });

  connection.onCompletion((params, token) =>
    about('completion', params.textDocument.uri, token, null, (document) => service.completion(document, params.position)),
  );
  connection.onHover((params, token) => about('hover', params.textDocument.uri, token, null, (document) => service.hover(document, params.position)));
  connection.onCodeAction((params, token) =>
    about('code actions', params.textDocument.uri, token, [], (document) => service.codeActions(document, params.range, params.context)),
  );
  connection.onDocumentSymbol((params, token) => about('symbols', params.textDocument.uri, token, [], (document) => service.documentSymbols(document)));
  connection.onDocumentFormatting((params, token) =>
    about('format', params.textDocument.uri, token, [], (document) => service.format(document, null, params.options)),
  );
  connection.onDocumentRangeFormatting((params, token) =>
    about('format', params.textDocument.uri, token, [], (document) => service.format(document, params.range, params.options)),
  );
  connection.onRequest(targetChoices, () => service.targetChoices());
  connection.onRequest(explain, (params, token) => {
    const nothing = { format: null, verdicts: [], errors: 0, warnings: 0 };
    return about('explain', params.uri, token, nothing, (document) => service.explain(document));
  });
  connection.onShutdown(() => checks.dispose());

  documents.listen(connection);
  connection.listen();
}
