// One checked file, ready to be printed, and its findings with lines and columns.
import type { Finding, Severity } from '@quantwright/schemas/check/finding';
import type { CheckResult } from '@quantwright/schemas/check/types';
import type { CompatibilityMatrix } from '@quantwright/schemas/hardware/matrix-types';
import { lineIndex, type Place } from './line-index.ts';

export interface CheckedFile {
  /** As the user named it. */
  readonly path: string;
  readonly text: string;
  /** Its findings are those that are told, in the order of the text. */
  readonly result: CheckResult;
  /** Findings that the side file keeps quiet. */
  readonly suppressed: number;
  /** Only with --matrix. */
  readonly matrix: CompatibilityMatrix | null;
}

export interface Located {
  readonly finding: Finding;
  readonly start: Place;
  readonly end: Place;
}

export function located(file: CheckedFile): readonly Located[] {
  const place = lineIndex(file.text);
  return file.result.findings.map((finding) => ({ finding, start: place(finding.range.start), end: place(finding.range.end) }));
}

export interface Summary {
  readonly files: number;
  readonly errors: number;
  readonly warnings: number;
  readonly information: number;
  readonly hints: number;
  readonly suppressed: number;
}

export function summaryOf(files: readonly CheckedFile[]): Summary {
  const count = (severity: Severity): number =>
    files.reduce((total, file) => total + file.result.findings.filter((finding) => finding.severity === severity).length, 0);
  return {
    files: files.length,
    errors: count('error'),
    warnings: count('warning'),
    information: count('information'),
    hints: count('hint'),
    suppressed: files.reduce((total, { suppressed }) => total + suppressed, 0),
  };
}
