// The same settings in another format's words, as actions: a new file beside the document, a changed one, or the document itself.
import type { Conversion } from '@quantwright/schemas/convert/conversion';
import { conversionsOf } from '@quantwright/schemas/convert/index';
import { type CodeAction, CodeActionKind, type Range, type TextEdit, type WorkspaceEdit } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { Analysis } from '../document/analysis.ts';
import { type EditWishes, workspaceEdit } from './workspaceEdit.ts';

/** Actions are asked for at every movement of the cursor: larger texts are converted when somebody asks for a rewrite. */
const sizeLimit = 100_000;

export function conversionActions(analysis: Analysis, only: readonly string[] | null, wishes: EditWishes): CodeAction[] {
  const { document, result, conditions, input } = analysis;
  const kind = CodeActionKind.RefactorRewrite;
  const asked = only === null ? document.getText().length <= sizeLimit : only.some((one) => kind === one || kind.startsWith(`${one}.`));
  if (!asked) return [];
  const beside = conditions.files?.texts;
  const { fileName, text } = input;
  const { tree, format, recipe, model } = result;
  return conversionsOf({ fileName, text, tree, format, recipe, model, ...(beside === undefined ? {} : { beside }) }).flatMap((conversion) => {
    const edit = editFor(document, conversion, beside?.get(conversion.fileName ?? '') ?? null, wishes);
    return edit === null ? [] : [{ title: titleOf(conversion), kind, edit, data: { conversion: conversion.id, losses: conversion.losses } }];
  });
}

function titleOf({ title, losses }: Conversion): string {
  const [first] = losses;
  if (first === undefined) return title;
  return losses.length === 1
    ? `${title} (loses: ${first.replace(/\.$/, '')})`
    : `${title} (${losses.length} settings are lost: ${first.replace(/\.$/, '')}; ...)`;
}

/** Null: the client cannot make such an edit, or there is no place beside the document. */
function editFor(document: TextDocument, { fileName, existing, text }: Conversion, before: string | null, wishes: EditWishes): WorkspaceEdit | null {
  if (fileName === null) return workspaceEdit(document, [{ range: rangeOf(document.getText()), newText: text }], wishes);
  const uri = besideOf(document.uri, fileName);
  if (uri === null || !wishes.versioned || !(existing || wishes.createFiles)) return null;
  const whole: TextEdit = { range: rangeOf(before ?? ''), newText: text };
  const change = { textDocument: { uri, version: null }, edits: [whole] };
  return { documentChanges: existing ? [change] : [{ kind: 'create', uri, options: { overwrite: false, ignoreIfExists: false } }, change] };
}

function rangeOf(text: string): Range {
  const lines = text.split(/\r\n|\n|\r/);
  return { start: { line: 0, character: 0 }, end: { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 } };
}

function besideOf(documentUri: string, fileName: string): string | null {
  const slash = documentUri.lastIndexOf('/');
  return documentUri.startsWith('file:') && slash !== -1 ? `${documentUri.slice(0, slash)}/${encodeURIComponent(fileName)}` : null;
}
