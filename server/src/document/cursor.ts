// Where the cursor stands in a JSON text that is being typed: at a key or at a value, of which object, and what an insertion must
// replace and add (a comma before or after). Works on tokens, so that damaged text before or after the cursor does no harm.
import type { OffsetRange } from '@quantwright/schemas/check/finding';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import { type Token, tokensOf, wordOf } from './tokens.ts';

interface Insertion {
  /** The text that an insertion replaces; empty when nothing stands there. */
  readonly replace: OffsetRange;
  /** Offset where a comma is missing before the insertion, or null. */
  readonly commaBefore: number | null;
  /** True when another member follows without a comma. */
  readonly commaAfter: boolean;
}

export type Cursor =
  | ({ readonly kind: 'key'; readonly objectPath: JsonPath; readonly hasColon: boolean } & Insertion)
  | ({ readonly kind: 'value'; readonly path: JsonPath } & Insertion)
  | { readonly kind: 'none' };

interface Container {
  readonly type: 'object' | 'array';
  state: 'expectKey' | 'afterKey' | 'expectValue' | 'afterValue';
  key: string;
  index: number;
  lastEnd: number;
}

export function cursorAt(text: string, offset: number): Cursor {
  const all = tokensOf(text);
  if (all.some((token) => token.kind === 'comment' && insideComment(token, offset))) return { kind: 'none' };
  const tokens = all.filter((token) => token.kind !== 'comment');
  const touched = tokens.find((token) => token.kind === 'literal' && token.start < offset && offset <= token.end);
  const before = tokens.filter((token) => (touched === undefined ? token.end <= offset : token.end <= touched.start));
  const stack: Container[] = [];
  for (const token of before) advance(stack, token);
  const top = stack.at(-1);
  if (top === undefined) return { kind: 'none' };
  const replace = touched === undefined ? { start: offset, end: offset } : { start: touched.start, end: touched.end };
  const next = tokens.find((token) => token.start >= replace.end);
  const insertion: Insertion = {
    replace,
    commaBefore: top.state === 'afterValue' ? top.lastEnd : null,
    commaAfter: next !== undefined && beginsMember(next.kind),
  };
  const outer = pathOf(stack.slice(0, -1));
  if (top.type === 'object' && (top.state === 'expectKey' || top.state === 'afterValue')) {
    const hasColon = next?.kind === ':' && touched !== undefined;
    return { kind: 'key', objectPath: outer, hasColon, ...insertion };
  }
  if (top.state === 'afterKey') return { kind: 'none' };
  const index = top.state === 'afterValue' ? top.index + 1 : top.index;
  return { kind: 'value', path: [...outer, top.type === 'object' ? top.key : index], ...insertion };
}

function advance(stack: Container[], token: Token): void {
  const top = stack.at(-1);
  switch (token.kind) {
    case '{':
      stack.push({ type: 'object', state: 'expectKey', key: '', index: 0, lastEnd: token.end });
      return;
    case '[':
      stack.push({ type: 'array', state: 'expectValue', key: '', index: 0, lastEnd: token.end });
      return;
    case '}':
    case ']': {
      stack.pop();
      const outer = stack.at(-1);
      if (outer !== undefined) endValue(outer, token.end);
      return;
    }
    case ',':
      if (top === undefined) return;
      if (top.type === 'array') top.index += 1;
      top.state = top.type === 'object' ? 'expectKey' : 'expectValue';
      return;
    case ':':
      if (top?.type === 'object') top.state = 'expectValue';
      return;
    default:
      if (top !== undefined) literal(top, token);
  }
}

function literal(top: Container, token: Token): void {
  if (top.type === 'object' && (top.state === 'expectKey' || top.state === 'afterValue')) {
    top.key = wordOf(token);
    top.state = 'afterKey';
    return;
  }
  if (top.type === 'array' && top.state === 'afterValue') top.index += 1;
  endValue(top, token.end);
}

function endValue(container: Container, end: number): void {
  container.state = 'afterValue';
  container.lastEnd = end;
}

function pathOf(stack: readonly Container[]): JsonPath {
  return stack.map((container) => (container.type === 'object' ? container.key : container.index));
}

function beginsMember(kind: Token['kind']): boolean {
  return kind === 'literal' || kind === '{' || kind === '[';
}

/** A line comment reaches to the end of its line, the cursor behind its last character included. */
function insideComment(token: Token, offset: number): boolean {
  return token.start < offset && (token.text.startsWith('//') ? offset <= token.end : offset < token.end);
}
