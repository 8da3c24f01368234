// Formatting of a config, whole or in part. Only white space changes; damaged JSON is formatted as far as it is understood, damaged YAML is left alone.
import { format } from 'jsonc-parser';
import type { FormattingOptions, Range, TextEdit } from 'vscode-languageserver';
import { parseDocument } from 'yaml';
import type { Analysis } from '../document/analysis.ts';
import { toRange } from './diagnostics.ts';

export function formatDocument({ document, language }: Analysis, range: Range | null, options: FormattingOptions): TextEdit[] {
  const text = document.getText();
  if (language === 'yaml')
    return range === null ? formatYaml(text, options).map(({ start, end, newText }) => ({ range: toRange(document, { start, end }), newText })) : [];
  const start = range === null ? 0 : document.offsetAt(range.start);
  const end = range === null ? text.length : document.offsetAt(range.end);
  const edits = format(
    text,
    { offset: start, length: end - start },
    {
      tabSize: options.tabSize,
      insertSpaces: options.insertSpaces,
      insertFinalNewline: options.insertFinalNewline ?? false,
      eol: text.includes('\r\n') ? '\r\n' : '\n',
    },
  );
  return edits.map((edit) => ({
    range: toRange(document, { start: edit.offset, end: edit.offset + edit.length }),
    newText: edit.content,
  }));
}

/** One change of the whole text, or none: when the printer would change more than white space, the author's text stays. */
function formatYaml(text: string, { tabSize }: FormattingOptions): { start: number; end: number; newText: string }[] {
  const parsed = parseDocument(text);
  if (parsed.errors.length > 0) return [];
  const printed = parsed.toString({ indent: Math.max(1, tabSize), lineWidth: 0 });
  const newText = text.includes('\r\n') ? printed.replaceAll('\n', '\r\n') : printed;
  const bare = (value: string): string => value.replace(/\s+/g, '');
  return newText === text || bare(newText) !== bare(text) ? [] : [{ start: 0, end: text.length, newText }];
}
