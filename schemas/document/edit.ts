// Edits of a finding's fix -> changes of the text that keep the author's layout (indentation, line ends, comments elsewhere).
import type { Edit, OffsetRange } from '../check/finding.ts';
import type { JsonPath } from '../recipe/origin.ts';
import { insertMember, removeMember } from './edit-members.ts';
import { nodeAt } from './find.ts';
import { parseJson } from './json.ts';

export interface Replacement {
  readonly range: OffsetRange;
  readonly text: string;
}

/** The text after all edits. Ranges of `replace` edits are of the given text; path edits follow in order. An edit of nothing changes nothing. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const ranges = edits.filter((edit) => edit.kind === 'replace').map(({ range, text: inserted }) => ({ range, text: inserted }));
  let result = applyReplacements(text, ranges);
  for (const edit of edits) {
    if (edit.kind !== 'replace') {
      result = applyReplacements(result, editToReplacements(result, edit));
    }
  }
  return result;
}

/** Changes of `text` for an editor, not overlapping. Several edits become one change around all that differs. */
export function editsToReplacements(text: string, edits: Edit | readonly Edit[]): readonly Replacement[] {
  const list = isList(edits) ? edits : [edits];
  const [only] = list;
  if (list.length === 1 && only !== undefined) {
    return editToReplacements(text, only);
  }
  return difference(text, applyEdits(text, list));
}

export function applyReplacements(text: string, replacements: readonly Replacement[]): string {
  let result = text;
  const fromEnd = [...replacements].sort((a, b) => b.range.start - a.range.start || b.range.end - a.range.end);
  let limit = text.length;
  for (const { range, text: inserted } of fromEnd) {
    if (range.end <= limit) {
      result = result.slice(0, range.start) + inserted + result.slice(range.end);
      limit = range.start;
    }
  }
  return result;
}

function editToReplacements(text: string, edit: Edit): readonly Replacement[] {
  if (edit.kind === 'replace') {
    return [{ range: edit.range, text: edit.text }];
  }
  const { root } = parseJson(text);
  const node = nodeAt(root, edit.path);
  if (edit.kind === 'rename') {
    return node?.keyRange ? [{ range: node.keyRange, text: JSON.stringify(edit.key) }] : [];
  }
  if (edit.kind === 'remove') {
    return node === null ? [] : removeMember(text, node);
  }
  if (node !== null) {
    const start = node.range.start === node.range.end ? ' ' : '';
    return [{ range: node.range, text: start + JSON.stringify(edit.value) }];
  }
  return insertMissing(text, root, edit.path, edit.value);
}

function insertMissing(text: string, root: ReturnType<typeof nodeAt>, path: JsonPath, value: unknown): readonly Replacement[] {
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const parent = nodeAt(root, path.slice(0, depth));
    const key = path[depth];
    if (parent !== null && key !== undefined) {
      if (parent.type !== 'object' || typeof key !== 'string') {
        return [];
      }
      const nested = path.slice(depth + 1).reduceRight<unknown>((inner, step) => ({ [String(step)]: inner }), value);
      return insertMember(text, parent, key, nested);
    }
  }
  return [];
}

function difference(before: string, after: string): readonly Replacement[] {
  if (before === after) {
    return [];
  }
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) {
    start += 1;
  }
  let tail = 0;
  while (tail < most - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) {
    tail += 1;
  }
  return [{ range: { start, end: before.length - tail }, text: after.slice(start, after.length - tail) }];
}

function isList(edits: Edit | readonly Edit[]): edits is readonly Edit[] {
  return Array.isArray(edits);
}
