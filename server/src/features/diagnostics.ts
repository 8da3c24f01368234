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

/** A list of experts can be wrong in ten thousand rows; editors stop showing far below that, and the message would be megabytes. */
const shownFindings = 1000;

/** The worst first where there are too many, and then how many are left out. */
export function toDiagnostics(document: TextDocument, findings: readonly Finding[], pageOf: DiagnosticPage): Diagnostic[] {
  if (findings.length <= shownFindings) return findings.map((finding) => toDiagnostic(document, finding, pageOf));
  const ranked = [...findings].sort((left, right) => severities[left.severity] - severities[right.severity]);
  const [hidden] = ranked.slice(shownFindings);
  const shown = ranked.slice(0, shownFindings).map((finding) => toDiagnostic(document, finding, pageOf));
  if (hidden === undefined) return shown;
  const left = findings.length - shownFindings;
  const message = `${left} more findings of this file are not shown here; the command "quantwright check" lists all ${findings.length}.`;
  return [...shown, { ...toDiagnostic(document, { ...hidden, fixes: [] }, pageOf), severity: DiagnosticSeverity.Information, message }];
}

function toDiagnostic(document: TextDocument, finding: Finding, pageOf: DiagnosticPage): Diagnostic {
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
