// The printers of checked files: text for people, JSON for programs, annotations for GitHub Actions; SARIF is in sarif.ts. Pure.
import { credibleVerdicts } from '@quantwright/schemas/check/credible-verdicts';
import type { Severity } from '@quantwright/schemas/check/finding';
import { version } from '../../version.ts';
import { type CheckedFile, located, summaryOf } from './located.ts';
import { matrixText } from './matrix-report.ts';
import { portablePath } from './printed-path.ts';
import { sarif } from './sarif.ts';

export type ReportFormat = 'text' | 'json' | 'sarif' | 'github';
export const reportFormats: readonly ReportFormat[] = ['text', 'json', 'sarif', 'github'];

export interface ReportOptions {
  /** Where the pages of the diagnostics are, without a slash at its end; null: nowhere. */
  readonly docsUrl: string | null;
}

export const printers: Readonly<Record<ReportFormat, (files: readonly CheckedFile[], options: ReportOptions) => string>> = { text, json, sarif, github };

function text(files: readonly CheckedFile[]): string {
  const lines = files.flatMap((file) =>
    located(file).flatMap(({ finding, start }) => [
      `${file.path}:${start.line}:${start.column}: ${finding.severity} ${finding.code}: ${finding.message}`,
      ...finding.fixes.map((fix) => `    fix: ${fix.title}`),
      ...(finding.source === null ? [] : [`    source: ${finding.source}`]),
    ]),
  );
  for (const file of files) {
    for (const verdict of credibleVerdicts(file.result)) {
      if (verdict.kind !== 'supported') continue;
      const { runtime, device, version: asked } = verdict.target;
      lines.push(`${file.path}: ${runtime}${asked === null ? '' : ` ${asked}`}${device === null ? '' : ` on ${device}`} runs it with ${verdict.kernel}`);
    }
    if (file.matrix !== null) lines.push('', `${file.path} (${file.result.format})`, matrixText(file.matrix));
  }
  lines.push(summaryLine(files));
  return `${lines.join('\n')}\n`;
}

function summaryLine(files: readonly CheckedFile[]): string {
  const { errors, warnings, information, hints, suppressed } = summaryOf(files);
  const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  const more = [
    ...(information > 0 ? [`${information} of information`] : []),
    ...(hints > 0 ? [counted(hints, 'hint')] : []),
    ...(suppressed > 0 ? [`${suppressed} suppressed`] : []),
  ];
  return `${counted(files.length, 'config')} checked: ${[counted(errors, 'error'), counted(warnings, 'warning'), ...more].join(', ')}`;
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
      ...(file.matrix === null ? {} : { matrix: file.matrix }),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const githubCommands: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', information: 'notice', hint: 'notice' };

/** Workflow commands of GitHub Actions, which become annotations. */
function github(files: readonly CheckedFile[]): string {
  const lines = files.flatMap((file) =>
    located(file).map(({ finding, start, end }) => {
      const place = `file=${property(portablePath(file.path))},line=${start.line},endLine=${end.line},col=${start.column},endColumn=${end.column}`;
      return `::${githubCommands[finding.severity]} ${place},title=${property(finding.code)}::${data(finding.message)}`;
    }),
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** A line break in a message or a comma in a name would end the workflow command or its property. */
function data(value: string): string {
  return value.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(value: string): string {
  return data(value).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
