// Where the cursor stands in a YAML text that is being typed, by indentation: the text may not be YAML yet. Flow collections on the line are left
// to the JSON cursor, which reads them as they are.
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import { type Cursor, cursorAt } from './cursor.ts';

interface Line {
  readonly start: number;
  readonly text: string;
}

interface Part {
  /** Column of the first character that is neither a space nor a dash. */
  readonly indent: number;
  /** Columns of the dashes before it. */
  readonly dashes: readonly number[];
  /** Null: no key on the line. */
  readonly key: string | null;
  /** Column behind the colon and the spaces after it. */
  readonly valueAt: number;
}

export function yamlCursorAt(text: string, offset: number): Cursor {
  const lines = linesBefore(text, offset);
  const line = lines.at(-1);
  if (line === undefined) return { kind: 'none' };
  const column = offset - line.start;
  if (/(^|\s)#/.test(line.text.slice(0, column))) return { kind: 'none' };
  const part = partOf(line.text);
  const path = containerOf(lines, line.text.trim() === '' ? column : part.indent, part.dashes);
  if (path === null) return { kind: 'none' };
  const end = line.start + line.text.replace(/\s+(#.*)?$/, '').length;
  const base = { commaBefore: null, commaAfter: false };
  if (part.key !== null && column >= part.valueAt) {
    const value = line.text.slice(part.valueAt);
    if (/^[{[]/.test(value)) return insideFlow(line, part.valueAt, offset, [...path, part.key]);
    const start = line.start + part.valueAt;
    return { kind: 'value', path: [...path, part.key], replace: { start: Math.min(start, offset), end: Math.max(offset, end) }, ...base };
  }
  const start = line.start + Math.min(part.indent, column);
  const onItem = part.dashes.length > 0 && part.key === null;
  if (onItem || (path.length > 0 && typeof path.at(-1) === 'number' && part.key === null && part.dashes.length > 0)) {
    return { kind: 'value', path, replace: { start, end: Math.max(offset, end) }, ...base };
  }
  const hasColon = part.key !== null;
  const keyEnd = hasColon ? line.start + part.indent + keyLength(line.text.slice(part.indent)) : Math.max(offset, end);
  return { kind: 'key', objectPath: path, hasColon, replace: { start, end: Math.max(offset, keyEnd) }, ...base };
}

/** Of a value that begins with a bracket on this line: what the JSON cursor says, moved to its place. */
function insideFlow(line: Line, valueAt: number, offset: number, path: JsonPath): Cursor {
  const from = line.start + valueAt;
  const cursor = cursorAt(line.text.slice(valueAt), offset - from);
  if (cursor.kind === 'none') return cursor;
  const moved = {
    replace: { start: cursor.replace.start + from, end: cursor.replace.end + from },
    commaBefore: cursor.commaBefore === null ? null : cursor.commaBefore + from,
  };
  return cursor.kind === 'key'
    ? { ...cursor, ...moved, objectPath: [...path, ...cursor.objectPath] }
    : { ...cursor, ...moved, path: [...path, ...cursor.path] };
}

/** Path of the mapping or list that a line with this indentation belongs to; null where the indentation fits nothing. */
function containerOf(lines: readonly Line[], indent: number, dashes: readonly number[]): JsonPath | null {
  const steps: (string | number)[] = [];
  let limit = dashes[0] ?? indent;
  let inner = dashes.map(() => 0).length;
  // Items of the list that the line's own dash begins.
  let index = 0;
  let counting = dashes[0] ?? null;
  for (let row = lines.length - 2; row >= 0; row -= 1) {
    const line = lines[row];
    if (line === undefined || line.text.trim() === '' || line.text.trimStart().startsWith('#')) continue;
    const part = partOf(line.text);
    const dash = part.dashes[0] ?? null;
    if (counting !== null && dash === counting) {
      index += 1;
      continue;
    }
    const outer = dash ?? part.indent;
    if (counting !== null) {
      // The list's own key may stand in the column of its dashes.
      const owns = dash === null && part.key !== null && line.text.slice(part.valueAt).trim() === '' && part.indent <= counting;
      if (owns) {
        steps.unshift(part.key ?? '', index);
        limit = part.indent;
        counting = null;
        inner = 0;
      }
      continue;
    }
    if (part.key !== null && part.indent < limit && line.text.slice(part.valueAt).trim() === '') {
      steps.unshift(part.key);
      limit = part.indent;
    }
    if (dash !== null && part.indent <= limit && outer < limit) {
      counting = dash;
      index = 0;
    }
  }
  if (counting !== null || inner > 0) steps.unshift(index);
  return steps;
}

function partOf(text: string): Part {
  const dashes: number[] = [];
  let at = text.length - text.trimStart().length;
  while (text[at] === '-' && /^-(\s|$)/.test(text.slice(at))) {
    dashes.push(at);
    at += 1;
    at += text.slice(at).length - text.slice(at).trimStart().length;
  }
  const rest = text.slice(at);
  const length = keyLength(rest);
  const colon = /^\s*:(\s+|$)/.exec(rest.slice(length));
  if (length === 0 || colon === null) return { indent: at, dashes, key: null, valueAt: text.length + 1 };
  return { indent: at, dashes, key: wordOf(rest.slice(0, length)), valueAt: at + length + colon[0].length };
}

function keyLength(text: string): number {
  return (/^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s:#{}[\],&*!|>'"%@`][^:#]*?)(?=\s*:(\s|$))/.exec(text)?.[0] ?? '').length;
}

function wordOf(key: string): string {
  return /^["']/.test(key) ? key.slice(1, -1) : key;
}

function linesBefore(text: string, offset: number): readonly Line[] {
  const end = text.indexOf('\n', offset);
  const whole = text.slice(0, end === -1 ? text.length : end);
  let start = 0;
  return whole.split('\n').map((line) => {
    const found = { start, text: line.replace(/\r$/, '') };
    start += line.length + 1;
    return found;
  });
}
