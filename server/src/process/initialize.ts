// What the client can do, and what we tell it that we can do.
import type { InitializeParams, InitializeResult } from 'vscode-languageserver';
import { CodeActionKind, ResourceOperationKind, TextDocumentSyncKind } from 'vscode-languageserver';
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
  /** Asks for diagnostics itself: nothing is published then. */
  readonly pullDiagnostics: boolean;
  readonly refresh: { readonly diagnostics: boolean; readonly codeLens: boolean; readonly inlayHints: boolean };
  /** Edits may name the version of the document they are for. */
  readonly versionedEdits: boolean;
  /** Edits may create files. */
  readonly createFiles: boolean;
  /** initializationOptions: false where the editor's own JSON support already formats or outlines. */
  readonly provideFormatting: boolean;
  readonly provideDocumentSymbols: boolean;
  /** initializationOptions: false where the editor has no quantwright.* commands for code lenses to run. */
  readonly commands: boolean;
}

export function readClientFeatures(params: Pick<InitializeParams, 'processId' | 'rootUri' | 'capabilities'> & Partial<InitializeParams>): ClientFeatures {
  const { workspace, textDocument } = params.capabilities;
  const options = params.initializationOptions as Readonly<Record<string, unknown>> | null | undefined;
  const root = params.rootUri === null ? [] : [params.rootUri];
  const edits = workspace?.workspaceEdit;
  return {
    configuration: workspace?.configuration === true,
    dynamicConfiguration: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    dynamicWatchers: workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
    workspaceFolders: workspace?.workspaceFolders === true,
    snippets: textDocument?.completion?.completionItem?.snippetSupport === true,
    folders: params.workspaceFolders?.map((folder) => folder.uri) ?? root,
    pullDiagnostics: textDocument?.diagnostic !== undefined,
    refresh: {
      diagnostics: workspace?.diagnostics?.refreshSupport === true,
      codeLens: workspace?.codeLens?.refreshSupport === true,
      inlayHints: workspace?.inlayHint?.refreshSupport === true,
    },
    versionedEdits: edits?.documentChanges === true,
    createFiles: edits?.documentChanges === true && edits.resourceOperations?.includes(ResourceOperationKind.Create) === true,
    provideFormatting: options?.['provideFormatting'] !== false,
    provideDocumentSymbols: options?.['provideDocumentSymbols'] !== false,
    commands: options?.['provideCommands'] !== false,
  };
}

export function initializeResult(client: ClientFeatures): InitializeResult {
  return {
    serverInfo: { name: 'quantwright-lsp', version },
    capabilities: {
      textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
      completionProvider: { triggerCharacters: ['"', ':', '[', '{', '-'] },
      hoverProvider: true,
      codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite, fixAllKind] },
      codeLensProvider: { resolveProvider: false },
      inlayHintProvider: true,
      documentLinkProvider: { resolveProvider: false },
      foldingRangeProvider: true,
      selectionRangeProvider: true,
      documentSymbolProvider: client.provideDocumentSymbols,
      documentFormattingProvider: client.provideFormatting,
      documentRangeFormattingProvider: client.provideFormatting,
      ...(client.pullDiagnostics ? { diagnosticProvider: { identifier: 'quantwright', interFileDependencies: true, workspaceDiagnostics: true } } : {}),
      workspace: { workspaceFolders: { supported: client.workspaceFolders, changeNotifications: client.workspaceFolders } },
    },
  };
}
