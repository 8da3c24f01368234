// Edits of lists in a config that keep their layout: elements added at the end as the last one stands.
import type { Edit, Fix } from '../check/finding.ts';
import { nodeAt } from '../document/find.ts';
import type { ParsedDocument } from '../document/node.ts';
import type { JsonPath } from '../recipe/origin.ts';

/** Adds texts to the list at `path`, or makes it. None when something else stands there. */
export function addToList({ root, text, language }: ParsedDocument, path: JsonPath, added: readonly string[]): readonly Edit[] {
  const list = nodeAt(root, path);
  if (list === null || list.type === 'null') {
    return [{ kind: 'set', path, value: added }];
  }
  if (list.type !== 'array') {
    return [];
  }
  const last = list.children.at(-1);
  if (last === undefined || language !== 'json') {
    return [{ kind: 'set', path, value: [...(Array.isArray(list.value) ? list.value : []), ...added] }];
  }
  const before = list.children.at(-2);
  // What stands before the last element: a space, or a line end and its indentation.
  const gap = before === undefined ? text.slice(list.range.start + 1, last.range.start) : text.slice(before.range.end, last.range.start).replace(/^\s*,/, '');
  const space = /^\s*$/.test(gap) ? (before === undefined && gap === '' ? ' ' : gap) : ' ';
  const end = { start: last.range.end, end: last.range.end };
  return [{ kind: 'replace', range: end, text: added.map((one) => `,${space}${JSON.stringify(one)}`).join('') }];
}

/** Nothing when something else than a list stands there. */
export function addFix(document: ParsedDocument, path: JsonPath, added: string): readonly Fix[] {
  const edits = addToList(document, path, [added]);
  return edits.length === 0 ? [] : [{ title: `Add ${JSON.stringify(added)} to "${path.at(-1)}"`, edits, preferred: true }];
}
