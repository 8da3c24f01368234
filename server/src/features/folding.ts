// Folding: every object and list that spans lines, by the tree, so that damaged text folds as far as it is understood.
import type { ConfigNode } from '@quantwright/schemas/document/node';
import type { FoldingRange } from 'vscode-languageserver';
import type { Analysis } from '../document/analysis.ts';

/** Clients stop far below this; a list of experts may have a hundred thousand members. */
const rangeLimit = 5000;

export function foldingRanges({ document, result, language }: Analysis): FoldingRange[] {
  const ranges: FoldingRange[] = [];
  const open: ConfigNode[] = result.tree === null ? [] : [result.tree];
  for (let node = open.pop(); node !== undefined && ranges.length < rangeLimit; node = open.pop()) {
    if (node.children.length === 0) continue;
    const startLine = document.positionAt(node.keyRange?.start ?? node.range.start).line;
    const last = language === 'yaml' ? (lastOf(node)?.range.end ?? node.range.end) : node.range.end;
    // JSON keeps its closing bracket in sight.
    const endLine = document.positionAt(last).line - (language === 'json' ? 1 : 0);
    const root = language === 'yaml' && node.parent === null;
    if (endLine > startLine && !root) ranges.push({ startLine, endLine });
    for (let index = node.children.length - 1; index >= 0; index -= 1) {
      const child = node.children[index];
      if (child !== undefined) open.push(child);
    }
  }
  return ranges;
}

/** The deepest last member: a YAML mapping ends with it, not with the white space behind. */
function lastOf(node: ConfigNode): ConfigNode | undefined {
  let last = node.children.at(-1);
  for (let inner = last?.children.at(-1); inner !== undefined; inner = inner.children.at(-1)) last = inner;
  return last;
}
