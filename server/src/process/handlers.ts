// The requests of the LSP, each handed to the service. A request for a document that is not open gets the empty result; a cancelled one is told so;
// a fault is logged and answered with the empty result.
import { explain, matrix, targetChoices } from '@quantwright/schemas/rpc/server';
import { type CancellationToken, type Connection, LSPErrorCodes, ResponseError } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { Service } from '../service.ts';
import { documentReport, type WorkspacePull } from './pull.ts';

export interface FeatureHost {
  readonly connection: Connection;
  readonly service: Service;
  readonly workspacePull: WorkspacePull;
  /** Resolves when the settings are known. */
  readonly ready: () => Promise<void>;
  readonly document: (uri: string) => TextDocument | undefined;
}

export function faultWords(feature: string, error: unknown): string {
  return `${feature}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

export function connectFeatures({ connection, service, workspacePull, ready, document: documentOf }: FeatureHost): void {
  async function guarded<Result>(
    feature: string,
    token: CancellationToken,
    nothing: Result,
    compute: () => Result | Promise<Result>,
  ): Promise<Result | ResponseError<never>> {
    // Turns of the event loop let a cancellation or an edit that is already on the wire arrive before the work begins.
    await nextTurn();
    await nextTurn();
    await ready();
    if (token.isCancellationRequested) return cancelled();
    try {
      return await compute();
    } catch (error) {
      connection.console.error(faultWords(feature, error));
      return nothing;
    }
  }

  const about = <Result>(
    feature: string,
    uri: string,
    token: CancellationToken,
    nothing: Result,
    compute: (document: TextDocument) => Promise<Result>,
  ): Promise<Result | ResponseError<never>> =>
    guarded(feature, token, nothing, () => {
      const document = documentOf(uri);
      return document === undefined ? nothing : compute(document);
    });

  connection.onCompletion(({ textDocument: { uri }, position }, token) =>
    about('completion', uri, token, null, (document) => service.completion(document, position)),
  );
  connection.onHover(({ textDocument: { uri }, position }, token) => about('hover', uri, token, null, (document) => service.hover(document, position)));
  connection.onCodeAction(({ textDocument: { uri }, range, context }, token) =>
    about('code actions', uri, token, [], (document) => service.codeActions(document, range, context)),
  );
  connection.onCodeLens(({ textDocument: { uri } }, token) => about('code lenses', uri, token, [], (document) => service.codeLenses(document)));
  connection.languages.inlayHint.on(({ textDocument: { uri }, range }, token) =>
    about('inlay hints', uri, token, [], (document) => service.inlayHints(document, range)),
  );
  connection.onDocumentLinks(({ textDocument: { uri } }, token) => about('links', uri, token, [], (document) => service.documentLinks(document)));
  connection.onDocumentSymbol(({ textDocument: { uri } }, token) => about('symbols', uri, token, [], (document) => service.documentSymbols(document)));
  connection.onFoldingRanges(({ textDocument: { uri } }, token) => about('folding', uri, token, [], (document) => service.foldingRanges(document)));
  connection.onSelectionRanges(({ textDocument: { uri }, positions }, token) =>
    about('selection', uri, token, [], (document) => service.selectionRanges(document, positions)),
  );
  connection.onDocumentFormatting(({ textDocument: { uri }, options }, token) =>
    about('format', uri, token, [], (document) => service.format(document, null, options)),
  );
  connection.onDocumentRangeFormatting(({ textDocument: { uri }, range, options }, token) =>
    about('format', uri, token, [], (document) => service.format(document, range, options)),
  );
  connection.languages.diagnostics.on(async ({ textDocument: { uri }, previousResultId }, token) => {
    const nothing = documentReport([], previousResultId);
    const answer = await about('diagnostics', uri, token, nothing, async (document) => documentReport(await service.diagnostics(document), previousResultId));
    if (answer instanceof ResponseError) throw answer;
    return answer;
  });
  connection.languages.diagnostics.onWorkspace(async (params, token, _progress, partial) => {
    const send = partial === undefined ? null : (part: Parameters<typeof partial.report>[0]): void => partial.report(part);
    const answer = await guarded('workspace diagnostics', token, { items: [] }, () => workspacePull.report(params, token, send));
    if (answer instanceof ResponseError) throw answer;
    if (token.isCancellationRequested) throw cancelled();
    return answer;
  });
  connection.onRequest(targetChoices, () => service.targetChoices());
  connection.onRequest(explain, (params, token) => {
    const nothing = { format: null, verdicts: [], errors: 0, warnings: 0 };
    return about('explain', params.uri, token, nothing, (document) => service.explain(document));
  });
  connection.onRequest(matrix, async (params, token) => {
    await nextTurn();
    await ready();
    if (token.isCancellationRequested) return cancelled();
    return service.matrix(params.uri === null ? null : (documentOf(params.uri) ?? null), params);
  });
}

function cancelled(): ResponseError<never> {
  return new ResponseError(LSPErrorCodes.RequestCancelled, 'The request was cancelled.');
}

function nextTurn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}
