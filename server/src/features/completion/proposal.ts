// A completion before it is dressed for the protocol, and the text it leads to.
import type { CompletionItemKind } from 'vscode-languageserver';
import type { Cursor } from '../../document/cursor.ts';

export interface Proposal {
  readonly label: string;
  /** Right of the label: what is inserted, or who refuses it. */
  readonly detail: string;
  readonly documentation: string;
  readonly text: string;
  /** Snippet form of `text`; null when there is nothing to choose. */
  readonly snippet: string | null;
  readonly kind: CompletionItemKind;
  readonly preselect: boolean;
  readonly deprecated: boolean;
}

/** The text after inserting a proposal, as the editor would make it. */
export function insertionInto(text: string, cursor: Exclude<Cursor, { kind: 'none' }>, inserted: string): string {
  const comma = cursor.commaBefore;
  const head = comma === null ? text.slice(0, cursor.replace.start) : `${text.slice(0, comma)},${text.slice(comma, cursor.replace.start)}`;
  return head + inserted + (cursor.commaAfter ? ',' : '') + text.slice(cursor.replace.end);
}
