// Adding and removing one member of an object or array in the text, in the layout that stands there.
import type { Replacement } from './edit-replacements.ts';
import type { ConfigNode } from './node.ts';

/** After the last member, on a line of its own when the others have one. */
export function insertMember(text: string, parent: ConfigNode, key: string, value: unknown): readonly Replacement[] {
  return insertFlow(text, parent, `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
}

/** `member` as it is to be written; between braces, in JSON or YAML. */
export function insertFlow(text: string, parent: ConfigNode, member: string): readonly Replacement[] {
  const last = parent.children.at(-1);
  if (last === undefined) {
    const at = parent.range.start + 1;
    return [{ range: { start: at, end: at }, text: ` ${member} ` }];
  }
  const end = last.range.end;
  // A trailing comma is already there in damaged text: put the member behind it.
  const comma = /^\s*,(?=\s*\})/.exec(text.slice(end));
  const at = comma === null ? end : end + comma[0].length;
  return [{ range: { start: at, end: at }, text: `${comma === null ? ',' : ''}${lead(text, last)}${member}` }];
}

/** With its comma; the line goes too when nothing else is on it. */
export function removeMember(text: string, node: ConfigNode): readonly Replacement[] {
  if (node.parent === null) {
    return [];
  }
  const siblings = node.parent.children;
  const index = siblings.indexOf(node);
  const previous = siblings[index - 1];
  const next = siblings[index + 1];
  const own = node.keyRange?.start ?? node.range.start;
  if (next !== undefined) {
    return [{ range: { start: own, end: next.keyRange?.start ?? next.range.start }, text: '' }];
  }
  if (previous !== undefined) {
    return [{ range: { start: previous.range.end, end: node.range.end }, text: '' }];
  }
  const trailing = /^\s*,/.exec(text.slice(node.range.end));
  return [{ range: { start: own, end: node.range.end + (trailing?.[0].length ?? 0) }, text: '' }];
}

/** White space between the comma and a new member: a line break and the indentation of the sibling, or one space. */
function lead(text: string, sibling: ConfigNode): string {
  const start = sibling.keyRange?.start ?? sibling.range.start;
  const before = /(\r?\n)([ \t]*)$/.exec(text.slice(0, start));
  return before === null ? ' ' : `${before[1]}${before[2]}`;
}
