// Composition root of the language server: connects the LSP to the pure service, and owns documents, settings and scheduling.
// No feature logic here. Whatever a document holds, a handler answers: a fault is logged and answered with an empty result.
import { runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import type { ServerSettings } from '@quantwright/schemas/rpc/server';
import { type Connection, DidChangeConfigurationNotification, DidChangeWatchedFilesNotification, TextDocuments } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { diagnosticPages } from '../features/documentation.ts';
import { createService, type Service } from '../service.ts';
import { defaultSettings, readSettings } from '../settings.ts';
import { canonicalUri } from '../workspace/modelConfig.ts';
import { createNeighbours } from '../workspace/neighbours.ts';
import { createChecks } from './checks.ts';
import type { Files } from './files.ts';
import { connectFeatures, faultWords } from './handlers.ts';
import { type ClientFeatures, initializeResult, readClientFeatures } from './initialize.ts';
import { createModelFiles, type ReadModelFiles } from './modelFiles.ts';
import { createWorkspacePull } from './pull.ts';
import { createSettingsGate } from './settings-gate.ts';
import { createSurroundings } from './surroundings.ts';

export interface ServerEffects {
  readonly files: Files;
  readonly modelFiles: ReadModelFiles;
  /** Where the pages of the diagnostics are (a file URI), or null. */
  readonly documentation: string | null;
}

/** How long a client may take to answer for its settings before the defaults are used. */
const settingsPatienceMs = 2000;
/** Everything that may be a config, a model's config, its tensors, or the side file. */
const watchedFiles = ['**/*.{json,jsonc,yaml,yml}', '**/*.safetensors'];

export function startServer(connection: Connection, effects: ServerEffects): void {
  const documents = new TextDocuments(TextDocument);
  let settings: Required<ServerSettings> = defaultSettings;
  let folders: readonly string[] = [];
  let client: ClientFeatures = readClientFeatures({ processId: null, rootUri: null, capabilities: {} });

  const gate = createSettingsGate();
  const watched = (): boolean => client.dynamicWatchers;
  const openText = (uri: string): string | undefined => {
    const exact = documents.get(uri);
    const wanted = canonicalUri(uri);
    return (exact ?? documents.all().find((document) => canonicalUri(document.uri) === wanted))?.getText();
  };
  const neighbours = createNeighbours({ readText: effects.files.readText, openText, watched });
  const modelFiles = createModelFiles(effects.modelFiles, watched);
  const conditionsFor = createSurroundings({
    neighbours,
    settings: () => settings,
    folders: () => folders,
    modelFiles: (uri) => modelFiles.of(uri, settings, folders),
    warn: (message) => connection.console.warn(message),
  });
  const service: Service = createService({
    conditionsFor,
    diagnosticPage: diagnosticPages(effects.documentation),
    snippets: () => client.snippets,
    edits: () => ({ versioned: client.versionedEdits, createFiles: client.createFiles }),
    commands: () => client.commands,
    exists: async (uri) => settings.readNeighbours && (await effects.files.exists(uri)),
  });
  const workspacePull = createWorkspacePull({
    files: effects.files,
    folders: () => folders,
    mayRead: () => settings.readNeighbours,
    watched,
    open: () => documents.all(),
    conditionsFor,
    diagnostics: (document) => service.diagnostics(document),
    diagnosticsOnce: (document, conditions) => service.diagnosticsOnce(document, conditions),
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
  /** What is asked while settings are on their way waits for them, but not for a client that does not answer. */
  let settled: Promise<void> = gate.passed;
  const pullSettings = (): Promise<void> => {
    if (!client.configuration) return Promise.resolve();
    const pulled = connection.workspace
      .getConfiguration('quantwright')
      .then(adopt)
      .catch((error: unknown) => connection.console.warn(`The settings could not be read, the former ones stay: ${String(error)}`));
    settled = Promise.all([gate.passed, Promise.race([pulled, patience()])]).then(() => undefined);
    return pulled;
  };

  const checks = createChecks({
    document: (uri) => documents.get(uri),
    async diagnostics(document) {
      await settled;
      try {
        return await service.diagnostics(document);
      } catch (error) {
        connection.console.error(faultWords('diagnostics', error));
        return [];
      }
    },
    publish: (params) => connection.sendDiagnostics(params),
    logError: (message) => connection.console.error(message),
  });

  let refreshing: NodeJS.Timeout | null = null;
  /** Clients that ask for themselves are told to ask again, once for many changes. */
  const refresh = (): void => {
    refreshing ??= setTimeout(() => {
      refreshing = null;
      const asked = [
        ...(client.pullDiagnostics && client.refresh.diagnostics ? [connection.languages.diagnostics.refresh()] : []),
        ...(client.refresh.codeLens ? [connection.sendRequest('workspace/codeLens/refresh')] : []),
        ...(client.refresh.inlayHints ? [connection.languages.inlayHint.refresh()] : []),
      ];
      void Promise.allSettled(asked);
    }, 50);
  };
  const checkAgain = (concerned: (uri: string) => boolean): void => {
    const uris = documents.all().flatMap(({ uri }) => (concerned(uri) ? [uri] : []));
    if (!client.pullDiagnostics) for (const uri of uris) checks.again(uri);
    if (uris.length > 0) refresh();
  };
  const checkAll = (): void => checkAgain(() => true);
  const checkDependents = (changedUri: string): void => checkAgain((uri) => uri !== changedUri && neighbours.concerns(uri, changedUri, settings, folders));

  connection.onInitialize((params) => {
    client = readClientFeatures(params);
    folders = client.folders;
    adopt(params.initializationOptions);
    if (client.configuration) void patience().then(() => gate.open());
    else gate.open();
    connection.console.info(`quantwright-lsp on Node ${process.version}, ${process.platform} ${process.arch}, process ${process.pid}`);
    return initializeResult(client);
  });
  connection.onInitialized(async () => {
    // Not one after the other: documents wait for the settings.
    const registered = [
      ...(client.dynamicConfiguration ? [connection.client.register(DidChangeConfigurationNotification.type, { section: 'quantwright' })] : []),
      ...(client.dynamicWatchers
        ? [connection.client.register(DidChangeWatchedFilesNotification.type, { watchers: watchedFiles.map((globPattern) => ({ globPattern })) })]
        : []),
    ];
    void Promise.allSettled(registered);
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
      modelFiles.forget(uri);
      workspacePull.fileChanged(uri);
      checkDependents(uri);
    }
  });

  documents.onDidOpen(({ document }) => {
    if (!client.pullDiagnostics) checks.opened(document);
    checkDependents(document.uri);
  });
  documents.onDidChangeContent(({ document }) => {
    if (!client.pullDiagnostics) checks.changed(document);
    checkDependents(document.uri);
  });
  documents.onDidClose(({ document }) => {
    if (client.pullDiagnostics) workspacePull.closed(document.uri);
    else checks.closed(document.uri);
    service.forget(document.uri);
    neighbours.forget(document.uri);
    checkDependents(document.uri);
  });

  connectFeatures({ connection, service, workspacePull, ready: () => settled, document: (uri) => documents.get(uri) });
  connection.onShutdown(() => {
    checks.dispose();
    if (refreshing !== null) clearTimeout(refreshing);
  });

  documents.listen(connection);
  connection.listen();
}

function patience(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settingsPatienceMs).unref());
}
