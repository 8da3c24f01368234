// What the client can do, and what we tell it that we can do.
import type { InitializeParams, InitializeResult } from 'vscode-languageserver';
import { CodeActionKind, TextDocumentSyncKind } from 'vscode-languageserver';
import { fixAllKind } from '../features/codeActions.ts';
import { version } from '../version.ts';

export interface ClientFeatures {
  /** Answers workspace/configuration. */
  readonly configuration: boolean;
  readonly dynamicConfiguration: boolean;
  readonly dynamicWatchers: boolean;
  readonly workspaceFolders: boolean;
  readonly snippets: boolean;
  readonly folders: readonly string[];
  /** initializationOptions: false where the editor's own JSON support already formats or outlines. */
  readonly provideFormatting: boolean;
  readonly provideDocumentSymbols: boolean;
}

export function readClientFeatures(params: Pick<InitializeParams, 'processId' | 'rootUri' | 'capabilities'> & Partial<InitializeParams>): ClientFeatures {
  const { workspace, textDocument } = params.capabilities;
  const options = params.initializationOptions as { provideFormatting?: unknown; provideDocumentSymbols?: unknown } | null | undefined;
  const root = params.rootUri === null ? [] : [params.rootUri];
  return {
    configuration: workspace?.configuration === true,
    dynamicConfiguration: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    dynamicWatchers: workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
    workspaceFolders: workspace?.workspaceFolders === true,
    snippets: textDocument?.completion?.completionItem?.snippetSupport === true,
    folders: params.workspaceFolders?.map((folder) => folder.uri) ?? root,
    provideFormatting: options?.provideFormatting !== false,
    provideDocumentSymbols: options?.provideDocumentSymbols !== false,
  };
}

export function initializeResult(client: ClientFeatures): InitializeResult {
  return {
    serverInfo: { name: 'quantwright-lsp', version },
    capabilities: {
      textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
      completionProvider: { triggerCharacters: ['"', ':', '['] },
      hoverProvider: true,
      codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, fixAllKind] },
      documentSymbolProvider: client.provideDocumentSymbols,
      documentFormattingProvider: client.provideFormatting,
      documentRangeFormattingProvider: client.provideFormatting,
      workspace: { workspaceFolders: { supported: client.workspaceFolders, changeNotifications: client.workspaceFolders } },
    },
  };
}
