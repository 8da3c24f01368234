// The outline of a config: its members, nested, with short values as detail.
import type { ConfigNode } from '@quantwright/schemas/document/node';
import { type DocumentSymbol, SymbolKind } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { toRange } from './diagnostics.ts';

/** Deeper than any config; keeps a hostile document from exhausting the stack of the client. */
const depthLimit = 64;

/** What editors show at most; a table with a row for every expert has ten times as many. */
const symbolLimit = 10_000;

export function documentSymbols(document: TextDocument, root: ConfigNode | null): DocumentSymbol[] {
  return root === null ? [] : membersOf(document, root, 0, { left: symbolLimit });
}

function membersOf(document: TextDocument, node: ConfigNode, depth: number, room: { left: number }): DocumentSymbol[] {
  if (depth >= depthLimit || room.left <= 0) return [];
  const shown = node.children.slice(0, room.left);
  room.left -= shown.length;
  return shown.map((child) => {
    const selection = child.keyRange ?? child.range;
    const symbol: DocumentSymbol = {
      name: String(child.key ?? '') || '""',
      kind: kinds[child.type],
      range: toRange(document, { start: selection.start, end: Math.max(child.range.end, selection.end) }),
      selectionRange: toRange(document, selection),
      children: membersOf(document, child, depth + 1, room),
    };
    const detail = child.type === 'object' || child.type === 'array' ? '' : (JSON.stringify(child.value) ?? '');
    return detail === '' ? symbol : { ...symbol, detail: detail.length > 60 ? `${detail.slice(0, 59)}…` : detail };
  });
}

const kinds: Readonly<Record<ConfigNode['type'], SymbolKind>> = {
  object: SymbolKind.Object,
  array: SymbolKind.Array,
  string: SymbolKind.String,
  number: SymbolKind.Number,
  boolean: SymbolKind.Boolean,
  null: SymbolKind.Null,
};
