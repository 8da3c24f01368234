// Quick fixes from the edits that findings carry, one action to fix all findings of a code, and the source action to fix all there is.

import type { Finding, Fix } from '@quantwright/schemas/check/finding';
import type { CheckResult } from '@quantwright/schemas/check/types';
import { applyEdits, editsToReplacements } from '@quantwright/schemas/document/edit';
import { type CodeAction, type CodeActionContext, CodeActionKind, type Diagnostic, type Range, type TextEdit } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { type Analysis, checkInstead, checksAllowed } from '../document/analysis.ts';
import { diagnosticSource, toRange } from './diagnostics.ts';
import { type EditWishes, workspaceEdit } from './workspaceEdit.ts';

export const fixAllKind = `${CodeActionKind.SourceFixAll}.quantwright`;

/** Every round fixes one finding; a config with more than these is fixed by asking twice. */
const roundLimit = 64;

/** "Fix all of this code" is worked out on every request for quick fixes, so it must stay cheap. */
const togetherLimit = 16;

export function codeActions(analysis: Analysis, range: Range, context: Pick<CodeActionContext, 'diagnostics' | 'only'>, wishes: EditWishes): CodeAction[] {
  const wants = (kind: string): boolean => context.only === undefined || context.only.some((only) => kind === only || kind.startsWith(`${only}.`));
  const actions: CodeAction[] = [];
  if (wants(CodeActionKind.QuickFix)) {
    const here = analysis.result.findings.filter((finding) => overlaps(analysis.document, finding, range));
    const offered = new Set<Fix>();
    for (const finding of here) {
      const diagnostics = context.diagnostics.filter((diagnostic) => describes(analysis.document, diagnostic, finding));
      for (const fix of finding.fixes) {
        // Several findings may share one fix for all of them.
        if (!offered.has(fix)) actions.push(quickFix(analysis, fix, diagnostics, wishes));
        offered.add(fix);
      }
    }
    for (const code of new Set(here.map((finding) => finding.code))) actions.push(...fixAllOf(analysis, code, wishes));
  }
  // Only on request (save, menu "Source Action"): it is about the document, not about the cursor.
  if (context.only !== undefined && wants(fixAllKind)) {
    const edit = repeatedly(analysis, () => true);
    if (edit !== null) actions.push({ title: 'Fix all that has a safe fix', kind: fixAllKind, edit: workspaceEdit(analysis.document, [edit], wishes) });
  }
  return actions;
}

function quickFix(analysis: Analysis, fix: Fix, diagnostics: Diagnostic[], wishes: EditWishes): CodeAction {
  const replacements = editsToReplacements(analysis.document.getText(), fix.edits, analysis.language);
  const edits = replacements.map(({ range, text }) => ({ range: toRange(analysis.document, range), newText: text }));
  return { title: fix.title, kind: CodeActionKind.QuickFix, isPreferred: fix.preferred, diagnostics, edit: workspaceEdit(analysis.document, edits, wishes) };
}

function fixAllOf(analysis: Analysis, code: string, wishes: EditWishes): CodeAction[] {
  const fixable = analysis.result.findings.filter((finding) => finding.code === code && preferredFix(finding) !== undefined);
  if (fixable.length < 2 || fixable.length > togetherLimit) return [];
  const edit = repeatedly(analysis, (finding) => finding.code === code);
  if (edit === null) return [];
  const all = workspaceEdit(analysis.document, [edit], wishes);
  return [{ title: `Fix all ${fixable.length} of ${code}`, kind: CodeActionKind.QuickFix, edit: all }];
}

/** Applies preferred fixes one after another, checking again after each: ranges and later findings depend on the fixes before. */
function repeatedly(analysis: Analysis, included: (finding: Finding) => boolean): TextEdit | null {
  const before = analysis.document.getText();
  const seen = new Set([before]);
  let text = before;
  let result: CheckResult = analysis.result;
  const rounds = Math.min(roundLimit, checksAllowed(before));
  for (let round = 0; round < rounds; round += 1) {
    const next = nextText(text, analysis.language, result.findings.filter(included), seen);
    if (next === undefined) break;
    seen.add(next);
    text = next;
    result = checkInstead(analysis, text);
  }
  if (text === before) return null;
  return difference(analysis.document, before, text);
}

/** The text after the first fix that leads to something new. */
function nextText(text: string, language: Analysis['language'], findings: readonly Finding[], seen: ReadonlySet<string>): string | undefined {
  for (const finding of findings) {
    const fix = preferredFix(finding);
    const candidate = fix === undefined ? text : applyEdits(text, fix.edits, language);
    if (!seen.has(candidate)) return candidate;
  }
  return undefined;
}

function preferredFix(finding: Finding): Fix | undefined {
  return finding.fixes.find((fix) => fix.preferred);
}

function difference(document: TextDocument, before: string, after: string): TextEdit {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let tail = 0;
  while (tail < shorter - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  return { range: toRange(document, { start, end: before.length - tail }), newText: after.slice(start, after.length - tail) };
}

function overlaps(document: TextDocument, finding: Finding, range: Range): boolean {
  return finding.range.start <= document.offsetAt(range.end) && document.offsetAt(range.start) <= finding.range.end;
}

function describes(document: TextDocument, diagnostic: Diagnostic, finding: Finding): boolean {
  if (diagnostic.source !== diagnosticSource || diagnostic.code !== finding.code) return false;
  const { start, end } = toRange(document, finding.range);
  return (
    diagnostic.range.start.line === start.line &&
    diagnostic.range.start.character === start.character &&
    diagnostic.range.end.line === end.line &&
    diagnostic.range.end.character === end.character
  );
}
