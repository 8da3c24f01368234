// The language service: every feature over plain documents. Pure but for the injected host, which knows settings and neighbours.
// Used by the process entry and by tests; never by a connection's business.
import { credibleVerdicts } from '@quantwright/schemas/check/credible-verdicts';
import type { Target } from '@quantwright/schemas/hardware/target';
import type { ExplainResult, TargetChoices } from '@quantwright/schemas/rpc/server';
import type {
  CodeAction,
  CodeActionContext,
  CompletionList,
  Diagnostic,
  DocumentSymbol,
  FormattingOptions,
  Hover,
  Position,
  Range,
  TextEdit,
} from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { type Analysis, createAnalyses } from './document/analysis.ts';
import { codeActions } from './features/codeActions.ts';
import { complete } from './features/completion/complete.ts';
import { toDiagnostic } from './features/diagnostics.ts';
import type { DiagnosticPage } from './features/documentation.ts';
import { formatDocument } from './features/format.ts';
import { hover } from './features/hover.ts';
import { documentSymbols } from './features/symbols.ts';
import { targetChoices } from './features/targetChoices.ts';

export interface ServiceHost {
  readonly targets: () => readonly Target[];
  /** Text of the config.json of the model the document is for; null when unknown or not allowed to look. */
  readonly modelConfigFor: (documentUri: string) => Promise<string | null>;
  readonly diagnosticPage: DiagnosticPage;
  /** The client inserts snippets. */
  readonly snippets: () => boolean;
}

export interface Service {
  diagnostics(document: TextDocument): Promise<Diagnostic[]>;
  completion(document: TextDocument, position: Position): Promise<CompletionList | null>;
  hover(document: TextDocument, position: Position): Promise<Hover | null>;
  codeActions(document: TextDocument, range: Range, context: Pick<CodeActionContext, 'diagnostics' | 'only'>): Promise<CodeAction[]>;
  documentSymbols(document: TextDocument): Promise<DocumentSymbol[]>;
  format(document: TextDocument, range: Range | null, options: FormattingOptions): Promise<TextEdit[]>;
  explain(document: TextDocument): Promise<ExplainResult>;
  targetChoices(): TargetChoices;
  /** The document was closed. */
  forget(uri: string): void;
}

export function createService(host: ServiceHost): Service {
  const analyses = createAnalyses();
  const analyse = async (document: TextDocument): Promise<Analysis> => analyses.of(document, await host.modelConfigFor(document.uri), host.targets());

  return {
    async diagnostics(document) {
      const { document: checked, result } = await analyse(document);
      return result.format === null ? [] : result.findings.map((finding) => toDiagnostic(checked, finding, host.diagnosticPage));
    },
    completion: async (document, position) => complete(await analyse(document), position, host.snippets()),
    hover: async (document, position) => hover(await analyse(document), position, host.diagnosticPage),
    async codeActions(document, range, context) {
      const analysis = await analyse(document);
      return analysis.result.format === null ? [] : codeActions(analysis, range, context);
    },
    async documentSymbols(document) {
      const { document: checked, result } = await analyse(document);
      return result.format === null ? [] : documentSymbols(checked, result.tree);
    },
    async format(document, range, options) {
      const { document: checked, result } = await analyse(document);
      return result.format === null ? [] : formatDocument(checked, range, options);
    },
    async explain(document) {
      const { result } = await analyse(document);
      const count = (severity: string): number => result.findings.filter((finding) => finding.severity === severity).length;
      if (result.format === null) return { format: null, verdicts: [], errors: 0, warnings: 0 };
      return { format: result.format, verdicts: credibleVerdicts(result), errors: count('error'), warnings: count('warning') };
    },
    targetChoices,
    forget: (uri) => analyses.forget(uri),
  };
}
