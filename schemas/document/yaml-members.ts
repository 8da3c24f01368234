// Setting, adding, removing and renaming one member of a YAML text in the layout that stands there: blocks by lines and indentation,
// flow collections by commas as in JSON.

import { insertFlow, removeMember } from './edit-members.ts';
import type { Replacement } from './edit-replacements.ts';
import type { ConfigNode } from './node.ts';
import { printBehindDash, printBehindKey, printFlow, printText } from './yaml-print.ts';

export function renameYaml(text: string, node: ConfigNode, key: string): readonly Replacement[] | null {
  return node.keyRange === null ? null : [{ range: node.keyRange, text: printText(key, isQuoted(text, node.keyRange.start)) }];
}

export function setYaml(text: string, node: ConfigNode, value: unknown): readonly Replacement[] {
  const { parent } = node;
  const end = endOf(node, text);
  const start = Math.min(node.range.start, end);
  const gap = start === end ? ' ' : '';
  if (parent === null || isFlow(text, parent)) {
    return [{ range: { start, end }, text: gap + printFlow(value) }];
  }
  if (node.keyRange === null) {
    return [{ range: { start, end }, text: gap + printBehindDash(value, columnOf(text, start)) }];
  }
  const behind = text.slice(node.keyRange.end, start);
  const colon = /^[ \t]*:\s*$/.test(behind) ? node.keyRange.end + behind.indexOf(':') + 1 : null;
  if (colon === null || isFlow(text, node)) {
    return [{ range: { start, end }, text: gap + printFlow(value) }];
  }
  const written =
    typeof value === 'string' && isQuoted(text, start) ? ` ${JSON.stringify(value)}` : printBehindKey(value, columnOf(text, node.keyRange.start) + 2);
  return [{ range: { start: colon, end }, text: written }];
}

/** Behind the last member; in a block on a line of its own. */
export function insertYaml(text: string, parent: ConfigNode, key: string, value: unknown): readonly Replacement[] | null {
  const [first] = parent.children;
  const name = printText(key, first?.keyRange ? isQuoted(text, first.keyRange.start) : false);
  if (parent.type !== 'object') {
    return null;
  }
  if (isFlow(text, parent)) {
    return insertFlow(text, parent, `${name}: ${printFlow(value)}`);
  }
  const last = parent.children.at(-1);
  if (first?.keyRange == null || last === undefined) {
    return null;
  }
  const column = columnOf(text, first.keyRange.start);
  const at = lineEnd(text, endOf(last, text));
  const member = `${name}:${printBehindKey(value, column + 2)}`;
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  return [{ range: { start: at, end: at }, text: `${newline}${' '.repeat(column)}${member}`.replace(/\r?\n/g, newline) }];
}

export function removeYaml(text: string, node: ConfigNode): readonly Replacement[] | null {
  const { parent } = node;
  if (parent === null) {
    return null;
  }
  if (isFlow(text, parent)) {
    return removeMember(text, node);
  }
  if (parent.children.length === 1) {
    return setYaml(text, parent, parent.type === 'array' ? [] : {});
  }
  const own = ownStart(text, node);
  const next = parent.children[parent.children.indexOf(node) + 1];
  if (own === null) {
    return null;
  }
  const lineStart = text.lastIndexOf('\n', own - 1) + 1;
  if (text.slice(lineStart, own).trim() === '') {
    const end = lineEnd(text, endOf(node, text));
    const newline = /^\r?\n/.exec(text.slice(end))?.[0].length ?? 0;
    // The last line of a text without a final line break takes the break above it along.
    const before = newline === 0 ? (/\r?\n$/.exec(text.slice(0, lineStart))?.[0].length ?? 0) : 0;
    return [{ range: { start: lineStart - before, end: end + newline }, text: '' }];
  }
  const nextStart = next === undefined ? null : ownStart(text, next);
  return nextStart === null ? null : [{ range: { start: own, end: nextStart }, text: '' }];
}

/** Where the member begins: its key, or the dash of an item. */
function ownStart(text: string, node: ConfigNode): number | null {
  if (node.keyRange !== null) {
    return node.keyRange.start;
  }
  const before = /-\s*$/.exec(text.slice(0, node.range.start));
  return before === null ? null : before.index;
}

/** The library counts what follows a block (blank lines, comments) as its own; the last thing written in it is its end. */
function endOf(node: ConfigNode, text: string): number {
  const last = node.children.at(-1);
  if (last !== undefined && !isFlow(text, node) && last.range.end <= node.range.end) {
    return Math.max(endOf(last, text), last.keyRange?.end ?? 0);
  }
  const trailing = /\s+$/.exec(text.slice(node.range.start, node.range.end))?.[0].length ?? 0;
  return node.range.end - trailing;
}

/** End of the line, a comment behind the value included. */
function lineEnd(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  return newline < 0 ? text.length : text[newline - 1] === '\r' && newline > at ? newline - 1 : newline;
}

function columnOf(text: string, at: number): number {
  return at - (text.lastIndexOf('\n', at - 1) + 1);
}

function isFlow(text: string, node: ConfigNode): boolean {
  const first = text[node.range.start];
  return (node.type === 'object' && first === '{') || (node.type === 'array' && first === '[');
}

function isQuoted(text: string, at: number): boolean {
  return text[at] === '"' || text[at] === "'";
}
