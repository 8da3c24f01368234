// Findings as LSP diagnostics. `data` carries what a client may show beside the message: who says so, and how many fixes there are.
import type { Finding, OffsetRange, Severity } from '@quantwright/schemas/check/finding';
import { type Diagnostic, DiagnosticSeverity, type Range } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { DiagnosticPage } from './documentation.ts';

export const diagnosticSource = 'quantwright';

export interface DiagnosticData {
  readonly path: Finding['path'];
  readonly supportRule: string | null;
  readonly source: string | null;
  readonly fixes: readonly string[];
}

export function toDiagnostic(document: TextDocument, finding: Finding, pageOf: DiagnosticPage): Diagnostic {
  const page = pageOf(finding.code);
  const data: DiagnosticData = {
    path: finding.path,
    supportRule: finding.supportRule,
    source: finding.source,
    fixes: finding.fixes.map((fix) => fix.title),
  };
  return {
    range: toRange(document, finding.range),
    severity: severities[finding.severity],
    code: finding.code,
    ...(page === null ? {} : { codeDescription: { href: page } }),
    source: diagnosticSource,
    message: finding.message,
    data,
  };
}

export function toRange(document: TextDocument, range: OffsetRange): Range {
  return { start: document.positionAt(range.start), end: document.positionAt(range.end) };
}

const severities: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
};
