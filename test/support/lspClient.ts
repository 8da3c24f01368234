// A language client for process tests: starts the real server over stdio and hands out document objects that wait for their answers.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerSettings } from '@quantwright/schemas/rpc/server';
import {
  type ClientCapabilities,
  type CodeAction,
  type CodeActionContext,
  CodeActionRequest,
  type CompletionItem,
  type CompletionList,
  CompletionRequest,
  ConfigurationRequest,
  createProtocolConnection,
  type Diagnostic,
  DidChangeConfigurationNotification,
  DidChangeTextDocumentNotification,
  DidChangeWatchedFilesNotification,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DocumentFormattingRequest,
  type DocumentSymbol,
  DocumentSymbolRequest,
  ExitNotification,
  FileChangeType,
  type Hover,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  type InitializeResult,
  LogMessageNotification,
  type Position,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  type PublishDiagnosticsParams,
  type Range,
  RegistrationRequest,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
  type TextEdit,
} from 'vscode-languageserver-protocol/node';
import { applyTextEdits, positionAt } from './lspText.ts';

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const serverEntry = join(projectRoot, 'server', 'out', 'main.js');
/** A healthy server answers within milliseconds; this only ends a test whose server hangs. */
const answerTimeoutMs = 60_000;

export interface LspOptions {
  readonly settings?: Partial<ServerSettings>;
  readonly rootUri?: string;
  /** Without it the client does not answer workspace/configuration, like the plainest editors. */
  readonly configuration?: boolean;
  /** Left out: the compiled server of the checkout; else a bundle. */
  readonly entry?: string;
  /** Beside what every editor can do. */
  readonly capabilities?: ClientCapabilities;
  readonly folders?: readonly string[];
}

export interface LspDocument {
  readonly uri: string;
  text(): string;
  /** Diagnostics of the newest version; waits until the server has published them. */
  diagnostics(): Promise<Diagnostic[]>;
  change(text: string): Promise<void>;
  /** Next publication for this document, whatever its version: settings or neighbours changed. */
  nextDiagnostics(): Promise<Diagnostic[]>;
  completion(offset: number): Promise<CompletionItem[]>;
  hover(offset: number): Promise<Hover | null>;
  codeActions(range: Range, context: CodeActionContext): Promise<CodeAction[]>;
  symbols(): Promise<DocumentSymbol[]>;
  format(): Promise<string>;
  apply(action: CodeAction): Promise<void>;
  close(): Promise<void>;
}

export interface LspClient {
  readonly connection: ProtocolConnection;
  readonly process: ChildProcess;
  readonly initialized: InitializeResult;
  /** Lines the server logged as errors. */
  readonly errors: readonly string[];
  /** Methods the server registered, and refreshes it asked for, in their order. */
  readonly registered: readonly string[];
  readonly refreshed: readonly string[];
  readonly stderr: () => string;
  open(uri: string, text: string, languageId?: string): Promise<LspDocument>;
  /** Resolves when the server has been told; documents are checked again after it. */
  setSettings(settings: Partial<ServerSettings>): Promise<void>;
  fileChanged(uri: string): Promise<void>;
  /** Ends the server politely; its exit code. */
  stop(): Promise<number | null>;
}

export async function startLsp(options: LspOptions = {}): Promise<LspClient> {
  const child = spawn(process.execPath, [options.entry ?? serverEntry, '--stdio'], { stdio: ['pipe', 'pipe', 'pipe'] });
  // Every awaited publication listens for the end of the process.
  child.setMaxListeners(0);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exited = once(child, 'exit');
  const connection = createProtocolConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
  const errors: string[] = [];
  const registered: string[] = [];
  const refreshed: string[] = [];
  const listeners = new Map<string, Set<(params: PublishDiagnosticsParams) => void>>();
  const latest = new Map<string, PublishDiagnosticsParams>();
  let settings = options.settings ?? {};

  connection.onNotification(LogMessageNotification.type, ({ type, message }) => {
    if (type === 1) errors.push(message);
  });
  connection.onNotification(PublishDiagnosticsNotification.type, (params) => {
    latest.set(params.uri, params);
    for (const listener of [...(listeners.get(params.uri) ?? [])]) listener(params);
  });
  connection.onRequest(ConfigurationRequest.type, ({ items }) => items.map(() => settings));
  connection.onRequest(RegistrationRequest.type, ({ registrations }) => {
    for (const { method } of registrations) registered.push(method);
  });
  for (const method of ['workspace/diagnostic/refresh', 'workspace/codeLens/refresh', 'workspace/inlayHint/refresh']) {
    connection.onRequest(method, () => {
      refreshed.push(method);
      return null;
    });
  }
  connection.listen();

  const configuration = options.configuration !== false;
  const initialized = await connection.sendRequest(InitializeRequest.type, {
    processId: process.pid,
    rootUri: options.rootUri ?? null,
    workspaceFolders: options.folders?.map((uri) => ({ uri, name: uri.split('/').pop() ?? uri })) ?? null,
    capabilities: {
      workspace: {
        configuration,
        didChangeConfiguration: { dynamicRegistration: true },
        didChangeWatchedFiles: { dynamicRegistration: true },
        ...options.capabilities?.workspace,
      },
      textDocument: {
        completion: { completionItem: { snippetSupport: true } },
        publishDiagnostics: { versionSupport: true },
        ...options.capabilities?.textDocument,
      },
    },
    initializationOptions: settings,
  });
  await connection.sendNotification(InitializedNotification.type, {});

  const publication = (uri: string, wanted: (params: PublishDiagnosticsParams) => boolean): Promise<Diagnostic[]> =>
    new Promise((resolve, reject) => {
      const known = listeners.get(uri) ?? new Set();
      listeners.set(uri, known);
      const finish = (): void => {
        clearTimeout(timer);
        known.delete(listener);
        child.off('exit', onExit);
      };
      const listener = (params: PublishDiagnosticsParams): void => {
        if (!wanted(params)) return;
        finish();
        resolve(params.diagnostics);
      };
      const onExit = (): void => {
        finish();
        reject(new Error(`the server ended while ${uri} was being checked\n${stderr}`));
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`no diagnostics for ${uri} within ${answerTimeoutMs} ms; logged: ${errors.join('\n')}${stderr}`));
      }, answerTimeoutMs);
      child.on('exit', onExit);
      known.add(listener);
    });

  const open = async (uri: string, initial: string, languageId = 'json'): Promise<LspDocument> => {
    let text = initial;
    let version = 1;
    const textDocument = { uri };
    latest.delete(uri);
    await connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument: { uri, languageId, version, text } });
    const document: LspDocument = {
      uri,
      text: () => text,
      diagnostics() {
        const known = latest.get(uri);
        return known?.version === version ? Promise.resolve(known.diagnostics) : publication(uri, (params) => params.version === version);
      },
      nextDiagnostics: () => publication(uri, () => true),
      async change(next) {
        version += 1;
        text = next;
        await connection.sendNotification(DidChangeTextDocumentNotification.type, { textDocument: { uri, version }, contentChanges: [{ text }] });
      },
      async completion(offset) {
        const answer: CompletionList | CompletionItem[] | null = await connection.sendRequest(CompletionRequest.type, {
          textDocument,
          position: positionAt(text, offset),
        });
        return answer === null ? [] : Array.isArray(answer) ? answer : answer.items;
      },
      hover: (offset) => connection.sendRequest(HoverRequest.type, { textDocument, position: positionAt(text, offset) }),
      async codeActions(range, context) {
        const answer = (await connection.sendRequest(CodeActionRequest.type, { textDocument, range, context })) ?? [];
        return answer.filter((action): action is CodeAction => 'kind' in action);
      },
      async symbols() {
        return ((await connection.sendRequest(DocumentSymbolRequest.type, { textDocument })) ?? []) as DocumentSymbol[];
      },
      async format() {
        const edits: TextEdit[] =
          (await connection.sendRequest(DocumentFormattingRequest.type, { textDocument, options: { tabSize: 2, insertSpaces: true } })) ?? [];
        return applyTextEdits(text, edits);
      },
      apply: (action) => document.change(applyTextEdits(text, action.edit?.changes?.[uri] ?? [])),
      async close() {
        await connection.sendNotification(DidCloseTextDocumentNotification.type, { textDocument });
      },
    };
    return document;
  };

  return {
    connection,
    process: child,
    initialized,
    errors,
    registered,
    refreshed,
    stderr: () => stderr,
    open,
    async setSettings(next) {
      settings = next;
      await connection.sendNotification(DidChangeConfigurationNotification.type, { settings: { quantwright: next } });
    },
    async fileChanged(uri) {
      await connection.sendNotification(DidChangeWatchedFilesNotification.type, { changes: [{ uri, type: FileChangeType.Changed }] });
    },
    async stop() {
      await connection.sendRequest(ShutdownRequest.type);
      await connection.sendNotification(ExitNotification.type);
      const [code] = (await exited) as [number | null];
      connection.dispose();
      return code;
    },
  };
}

export function wholeRange(text: string): Range {
  const start: Position = { line: 0, character: 0 };
  return { start, end: positionAt(text, text.length) };
}
