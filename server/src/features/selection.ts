// Growing selections: the word in the quotes, the value or key, the member, the object's inside, the object.
import type { OffsetRange } from '@quantwright/schemas/check/finding';
import { nodeAtOffset } from '@quantwright/schemas/document/find';
import type { ConfigNode } from '@quantwright/schemas/document/node';
import type { Position, SelectionRange } from 'vscode-languageserver';
import type { Analysis } from '../document/analysis.ts';
import { toRange } from './diagnostics.ts';

export function selectionRanges({ document, result }: Analysis, positions: readonly Position[]): SelectionRange[] {
  const text = document.getText();
  return positions.map((position) => {
    const offset = document.offsetAt(position);
    const steps: OffsetRange[] = [{ start: offset, end: offset }];
    for (let node = nodeAtOffset(result.tree, offset); node !== null; node = node.parent) steps.push(...stepsOf(node, offset, text));
    steps.push({ start: 0, end: text.length });
    return chain(steps, (range) => toRange(document, range)) ?? { range: { start: position, end: position } };
  });
}

function stepsOf(node: ConfigNode, offset: number, text: string): readonly OffsetRange[] {
  const key = node.keyRange;
  const onKey = key !== null && key.start <= offset && offset <= key.end;
  const here = onKey ? key : node.range;
  const quoted = /^["']$/.test(text[here.start] ?? '') && here.end - here.start >= 2;
  const inside = quoted || node.children.length > 0 ? [{ start: here.start + 1, end: here.end - 1 }] : [];
  return [...inside, here, ...(key === null ? [] : [{ start: key.start, end: Math.max(node.range.end, key.end) }])];
}

/** Each range must hold the one before, and be larger. */
function chain(steps: readonly OffsetRange[], toLsp: (range: OffsetRange) => SelectionRange['range']): SelectionRange | undefined {
  const growing: OffsetRange[] = [];
  for (const step of steps) {
    const inner = growing.at(-1);
    if (inner === undefined || (step.start <= inner.start && inner.end <= step.end && step.end - step.start > inner.end - inner.start)) growing.push(step);
  }
  return growing.reduceRight<SelectionRange | undefined>(
    (parent, range) => (parent === undefined ? { range: toLsp(range) } : { range: toLsp(range), parent }),
    undefined,
  );
}
