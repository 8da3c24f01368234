// Formatting of a config, whole or in part. Only white space changes; damaged text is formatted as far as it is understood.
import { format } from 'jsonc-parser';
import type { FormattingOptions, Range, TextEdit } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { toRange } from './diagnostics.ts';

export function formatDocument(document: TextDocument, range: Range | null, options: FormattingOptions): TextEdit[] {
  const text = document.getText();
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
