// Edits as the client takes them: bound to the version of the document they were made for where it can, so that an edit never lands in a text
// that has changed since.
import type { TextEdit, WorkspaceEdit } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';

export interface EditWishes {
  readonly versioned: boolean;
  readonly createFiles: boolean;
}

export function workspaceEdit(document: TextDocument, edits: TextEdit[], { versioned }: EditWishes): WorkspaceEdit {
  return versioned ? { documentChanges: [{ textDocument: { uri: document.uri, version: document.version }, edits }] } : { changes: { [document.uri]: edits } };
}
