// One checked file, ready to be printed, and the printers: text, json, sarif, github. Pure.

import { credibleVerdicts } from '@quantwright/schemas/check/credible-verdicts';
import type { Finding, Severity } from '@quantwright/schemas/check/finding';
import type { CheckResult } from '@quantwright/schemas/check/types';
import { version } from '../../version.ts';
import { lineIndex } from './line-index.ts';

export interface CheckedFile {
  readonly path: string;
  readonly text: string;
  readonly result: CheckResult;
}

export type ReportFormat = 'text' | 'json' | 'sarif' | 'github';
export const reportFormats: readonly ReportFormat[] = ['text', 'json', 'sarif', 'github'];

export interface Summary {
  readonly files: number;
  readonly errors: number;
  readonly warnings: number;
}

export function summaryOf(files: readonly CheckedFile[]): Summary {
  const count = (severity: Severity): number =>
    files.reduce((total, file) => total + file.result.findings.filter((finding) => finding.severity === severity).length, 0);
  return { files: files.length, errors: count('error'), warnings: count('warning') };
}

export const printers: Readonly<Record<ReportFormat, (files: readonly CheckedFile[]) => string>> = { text, json, sarif, github };

function text(files: readonly CheckedFile[]): string {
  const lines = files.flatMap((file) =>
    located(file).flatMap(({ finding, start }) => [
      `${file.path}:${start.line}:${start.column}: ${finding.severity} ${finding.code}: ${finding.message}`,
      ...finding.fixes.map((fix) => `    fix: ${fix.title}`),
    ]),
  );
  for (const file of files) {
    for (const verdict of credibleVerdicts(file.result)) {
      if (verdict.kind !== 'supported') continue;
      lines.push(
        `${file.path}: ${verdict.target.runtime}${verdict.target.device === null ? '' : ` on ${verdict.target.device}`} runs it with ${verdict.kernel}`,
      );
    }
  }
  const { errors, warnings } = summaryOf(files);
  const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  lines.push(`${counted(files.length, 'config')} checked: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}`);
  return `${lines.join('\n')}\n`;
}

function json(files: readonly CheckedFile[]): string {
  const document = {
    version,
    summary: summaryOf(files),
    files: files.map((file) => ({
      path: file.path,
      format: file.result.format,
      verdicts: credibleVerdicts(file.result),
      findings: located(file).map(({ finding, start, end }) => ({ ...finding, start, end })),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const sarifLevels: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', information: 'note', hint: 'note' };

/** SARIF 2.1.0 (OASIS), the subset that code-scanning services read. */
function sarif(files: readonly CheckedFile[]): string {
  const codes = [...new Set(files.flatMap((file) => file.result.findings.map((finding) => finding.code)))].sort();
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'quantwright', version, rules: codes.map((id) => ({ id })) } },
        columnKind: 'utf16CodeUnits',
        results: files.flatMap((file) =>
          located(file).map(({ finding, start, end }) => ({
            ruleId: finding.code,
            ruleIndex: codes.indexOf(finding.code),
            level: sarifLevels[finding.severity],
            message: { text: finding.message },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: uriOf(file.path) },
                  region: { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column },
                },
              },
            ],
          })),
        ),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

const githubCommands: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', information: 'notice', hint: 'notice' };

/** Workflow commands of GitHub Actions, which become annotations. */
function github(files: readonly CheckedFile[]): string {
  const lines = files.flatMap((file) =>
    located(file).map(({ finding, start, end }) => {
      const place = `file=${property(file.path)},line=${start.line},endLine=${end.line},col=${start.column},endColumn=${end.column}`;
      return `::${githubCommands[finding.severity]} ${place},title=${property(finding.code)}::${data(finding.message)}`;
    }),
  );
  return lines.map((line) => `${line}\n`).join('');
}

function located(
  file: CheckedFile,
): readonly { readonly finding: Finding; readonly start: ReturnType<ReturnType<typeof lineIndex>>; readonly end: ReturnType<ReturnType<typeof lineIndex>> }[] {
  const place = lineIndex(file.text);
  return file.result.findings.map((finding) => ({ finding, start: place(finding.range.start), end: place(finding.range.end) }));
}

function uriOf(path: string): string {
  return path.split(/[\\/]/).map(encodeURIComponent).join('/');
}

/** A line break in a message or a comma in a name would end the workflow command or its property. */
function data(value: string): string {
  return value.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(value: string): string {
  return data(value).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
