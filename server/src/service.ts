// The language service: every feature over plain documents. Pure but for the injected host, which knows settings and neighbours.
// Used by the process entry and by tests; never by a connection's business.
import { credibleVerdicts } from '@quantwright/schemas/check/credible-verdicts';
import type { ExplainResult, MatrixParams, MatrixResult, TargetChoices } from '@quantwright/schemas/rpc/server';
import type {
  CodeAction,
  CodeActionContext,
  CodeLens,
  CompletionList,
  Diagnostic,
  DocumentLink,
  DocumentSymbol,
  FoldingRange,
  FormattingOptions,
  Hover,
  InlayHint,
  Position,
  Range,
  SelectionRange,
  TextEdit,
} from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { type Analysis, analyse, type Conditions, createAnalyses } from './document/analysis.ts';
import { codeActions } from './features/codeActions.ts';
import { codeLenses } from './features/codeLens.ts';
import { complete } from './features/completion/complete.ts';
import { snippetCompletions } from './features/completion/starters.ts';
import { conversionActions } from './features/conversions.ts';
import { toDiagnostics } from './features/diagnostics.ts';
import type { DiagnosticPage } from './features/documentation.ts';
import { documentLinks } from './features/documentLinks.ts';
import { foldingRanges } from './features/folding.ts';
import { formatDocument } from './features/format.ts';
import { hover } from './features/hover.ts';
import { inlayHints } from './features/inlayHints.ts';
import { matrixFor } from './features/matrix.ts';
import { selectionRanges } from './features/selection.ts';
import { documentSymbols } from './features/symbols.ts';
import { targetChoices } from './features/targetChoices.ts';
import type { EditWishes } from './features/workspaceEdit.ts';

export interface ServiceHost {
  /** What the check depends on beside the text; the same object as long as nothing changed. */
  readonly conditionsFor: (documentUri: string) => Promise<Conditions>;
  readonly diagnosticPage: DiagnosticPage;
  /** The client inserts snippets. */
  readonly snippets: () => boolean;
  readonly edits: () => EditWishes;
  /** The client has the commands that code lenses run. */
  readonly commands: () => boolean;
  /** Whether a file is there; always false where the server may not look. */
  readonly exists: (uri: string) => Promise<boolean>;
}

export interface Service {
  diagnostics(document: TextDocument): Promise<Diagnostic[]>;
  /** Of a document that is not kept in memory afterwards. */
  diagnosticsOnce(document: TextDocument, conditions: Conditions): Diagnostic[];
  completion(document: TextDocument, position: Position): Promise<CompletionList | null>;
  hover(document: TextDocument, position: Position): Promise<Hover | null>;
  codeActions(document: TextDocument, range: Range, context: Pick<CodeActionContext, 'diagnostics' | 'only'>): Promise<CodeAction[]>;
  codeLenses(document: TextDocument): Promise<CodeLens[]>;
  inlayHints(document: TextDocument, range: Range): Promise<InlayHint[]>;
  documentLinks(document: TextDocument): Promise<DocumentLink[]>;
  documentSymbols(document: TextDocument): Promise<DocumentSymbol[]>;
  foldingRanges(document: TextDocument): Promise<FoldingRange[]>;
  selectionRanges(document: TextDocument, positions: readonly Position[]): Promise<SelectionRange[]>;
  format(document: TextDocument, range: Range | null, options: FormattingOptions): Promise<TextEdit[]>;
  explain(document: TextDocument): Promise<ExplainResult>;
  /** `document` null: the usual methods. */
  matrix(document: TextDocument | null, params: MatrixParams): Promise<MatrixResult>;
  targetChoices(): TargetChoices;
  /** The document was closed. */
  forget(uri: string): void;
}

export function createService(host: ServiceHost): Service {
  const analyses = createAnalyses();
  const analysed = async (document: TextDocument): Promise<Analysis> => analyses.of(document, await host.conditionsFor(document.uri));
  /** What a feature makes of a config; of any other document nothing. */
  const ofConfig = async <Result>(document: TextDocument, nothing: Result, compute: (analysis: Analysis) => Result | Promise<Result>): Promise<Result> => {
    const analysis = await analysed(document);
    return analysis.result.format === null ? nothing : compute(analysis);
  };
  const diagnosticsOf = ({ document, result }: Analysis): Diagnostic[] =>
    result.format === null ? [] : toDiagnostics(document, result.findings, host.diagnosticPage);

  return {
    diagnostics: async (document) => diagnosticsOf(await analysed(document)),
    diagnosticsOnce: (document, conditions) => diagnosticsOf(analyse(document, conditions)),
    async completion(document, position) {
      const analysis = await analysed(document);
      return snippetCompletions(analysis, position, host.snippets()) ?? complete(analysis, position, host.snippets());
    },
    hover: (document, position) => ofConfig(document, null, (analysis) => hover(analysis, position, host.diagnosticPage)),
    codeActions: (document, range, context) =>
      ofConfig(document, [], (analysis) => [
        ...codeActions(analysis, range, context, host.edits()),
        ...conversionActions(analysis, context.only ?? null, host.edits()),
      ]),
    codeLenses: (document) => ofConfig(document, [], (analysis) => codeLenses(analysis, host.commands())),
    inlayHints: (document, range) => ofConfig(document, [], (analysis) => inlayHints(analysis, range)),
    documentLinks: (document) => ofConfig(document, [], (analysis) => documentLinks(analysis, host.exists)),
    documentSymbols: (document) => ofConfig(document, [], ({ document: checked, result }) => documentSymbols(checked, result.tree)),
    foldingRanges: (document) => ofConfig(document, [], foldingRanges),
    selectionRanges: (document, positions) => ofConfig(document, [], (analysis) => selectionRanges(analysis, positions)),
    format: (document, range, options) => ofConfig(document, [], (analysis) => formatDocument(analysis, range, options)),
    async explain(document) {
      const { result } = await analysed(document);
      const count = (severity: string): number => result.findings.filter((finding) => finding.severity === severity).length;
      if (result.format === null) return { format: null, verdicts: [], errors: 0, warnings: 0 };
      return { format: result.format, verdicts: credibleVerdicts(result), errors: count('error'), warnings: count('warning') };
    },
    matrix: async (document, params) => matrixFor(document === null ? null : await analysed(document), params),
    targetChoices,
    forget: (uri) => analyses.forget(uri),
  };
}
