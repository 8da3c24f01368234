// Sound JSON -> ConfigNode tree whose members are found only when somebody asks for them. A 3 MB config is opened by the engine's own JSON.parse and
// one pass over its brackets; ranges are scanned for the objects that a rule or the editor looks into.
import type { OffsetRange } from '../check/finding.ts';
import type { ConfigNode } from './node.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

/** Null for every text that is not JSON to the letter, or that nests deeper than `maxDepth`: the recovering parser has the word then. */
export function parseSound(text: string, maxDepth: number): ConfigNode | null {
  const ends = outerEnds(text, maxDepth);
  if (ends === null) {
    return null;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const start = skipSpace(text, 0);
  return new LazyNode({ text, ends }, { start, end: endBefore(text) }, value, null, null, null);
}

/** Longer values than this are tried only where they are few. */
const LONG = 65_536;
const FEW_LEVELS = 4;

/**
 * The object or array that begins at `start` of a damaged text, when it is sound itself: most of a file that is being typed in is. Null otherwise.
 * `depth`: of its level; a long value is tried near the root only, so that no character is read more than a few times.
 */
export function soundValueAt(text: string, start: number, depth: number, maxDepth: number): ConfigNode | null {
  const limit = depth < FEW_LEVELS ? text.length : Math.min(text.length, start + LONG);
  const end = balancedEnd(text, start, limit, maxDepth - depth);
  if (end === null) {
    return null;
  }
  try {
    return new LazyNode({ text, ends: NO_ENDS }, { start, end }, JSON.parse(text.slice(start, end)), null, null, null);
  } catch {
    return null;
  }
}

const NO_ENDS: ReadonlyMap<number, number> = new Map();

/** Behind the bracket that closes the one at `start`; null when there is none before `limit`, or it nests deeper than `maxDepth`. */
function balancedEnd(text: string, start: number, limit: number, maxDepth: number): number | null {
  let depth = 0;
  let lineEnd = -1;
  for (let at = start; at < limit; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      lineEnd = lineEnd < at ? lineEndAt(text, at) : lineEnd;
      at = stringEnd(text, at) - 1;
      // A string that runs over the end of its line is one whose closing quote is missing.
      if (at >= lineEnd) {
        return null;
      }
    } else if (isOpening(code)) {
      depth += 1;
      if (depth > maxDepth) {
        return null;
      }
    } else if (isClosing(code)) {
      depth -= 1;
      if (depth === 0) {
        return at + 1;
      }
    }
  }
  return null;
}

function lineEndAt(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

interface Scanned {
  readonly text: string;
  /** Of the outermost objects and arrays: where each begins -> behind its end. They are the long ones, which are not worth a second pass. */
  readonly ends: ReadonlyMap<number, number>;
}

/** Levels whose ends are kept. */
const OUTER = 3;

class LazyNode implements ConfigNode {
  readonly type: ConfigNode['type'];
  readonly range: OffsetRange;
  keyRange: OffsetRange | null;
  key: string | number | null;
  parent: ConfigNode | null;
  readonly value: unknown;
  readonly #scanned: Scanned;
  #children: readonly ConfigNode[] | null = null;

  constructor(scanned: Scanned, range: OffsetRange, value: unknown, key: string | number | null, keyRange: OffsetRange | null, parent: ConfigNode | null) {
    this.#scanned = scanned;
    this.range = range;
    this.value = value;
    this.key = key;
    this.keyRange = keyRange;
    this.parent = parent;
    this.type = typeOf(value);
  }

  get children(): readonly ConfigNode[] {
    this.#children ??= this.type === 'object' ? members(this.#scanned, this) : this.type === 'array' ? items(this.#scanned, this) : [];
    return this.#children;
  }
}

function typeOf(value: unknown): ConfigNode['type'] {
  if (value === null) {
    return 'null';
  }
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : Array.isArray(value) ? 'array' : 'object';
}

function members(scanned: Scanned, parent: LazyNode): readonly ConfigNode[] {
  const { text } = scanned;
  const value = parent.value as Readonly<Record<string, unknown>>;
  const found: { readonly key: string; readonly keyRange: OffsetRange; readonly range: OffsetRange }[] = [];
  let at = skipSpace(text, parent.range.start + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = stringEnd(text, at);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(scanned, start);
    found.push({ key: stringAt(text, at, keyEnd), keyRange: { start: at, end: keyEnd }, range: { start, end } });
    at = skipSpace(text, end);
    at = text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at;
  }
  // Of equal keys JSON.parse keeps the last; the others have a value of their own.
  const repeated = found.length !== Object.keys(value).length;
  return found.map(
    ({ key, keyRange, range }) => new LazyNode(scanned, range, repeated ? JSON.parse(text.slice(range.start, range.end)) : value[key], key, keyRange, parent),
  );
}

function items(scanned: Scanned, parent: LazyNode): readonly ConfigNode[] {
  const { text } = scanned;
  const values = parent.value as readonly unknown[];
  let at = skipSpace(text, parent.range.start + 1);
  return values.map((value, index) => {
    const end = valueEnd(scanned, at);
    const node = new LazyNode(scanned, { start: at, end }, value, index, null, parent);
    at = skipSpace(text, skipSpace(text, end) + 1);
    return node;
  });
}

/** `end`: behind the closing quote. */
function stringAt(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  return inner.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : inner;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; code = text.charCodeAt(at)) {
    at += 1;
  }
  return at;
}

/** Behind the last character that is not white space. */
function endBefore(text: string): number {
  let at = text.length;
  while (at > 0 && skipSpace(text, at - 1) >= at) {
    at -= 1;
  }
  return at;
}

/** Behind the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at < 0) {
      return text.length;
    }
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) {
      slashes += 1;
    }
    if (slashes % 2 === 0) {
      return at + 1;
    }
  }
}

/** Behind the value that begins at `start` of sound JSON. */
function valueEnd({ text, ends }: Scanned, start: number): number {
  const known = ends.get(start);
  if (known !== undefined) {
    return known;
  }
  const first = text.charCodeAt(start);
  if (first === QUOTE) {
    return stringEnd(text, start);
  }
  let at = start;
  if (!isOpening(first)) {
    while (at < text.length && !isEndOfScalar(text.charCodeAt(at))) {
      at += 1;
    }
    return at;
  }
  for (let depth = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at) - 1;
    } else if (isOpening(code)) {
      depth += 1;
    } else if (isClosing(code)) {
      depth -= 1;
      if (depth === 0) {
        return at + 1;
      }
    }
  }
  return at;
}

function isOpening(code: number): boolean {
  return code === 0x7b || code === 0x5b;
}

function isClosing(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}

function isEndOfScalar(code: number): boolean {
  return code <= 0x20 || code === COMMA || code === COLON || isClosing(code);
}

/**
 * Ends of the outer brackets; null when they nest deeper than `maxDepth`, or a string runs over the end of its line, which JSON's do not. Brackets inside strings are passed over, so that a text that is JSON is
 * measured rightly; of any other text the answer does not matter.
 */
function outerEnds(text: string, maxDepth: number): ReadonlyMap<number, number> | null {
  const ends = new Map<number, number>();
  const starts: number[] = [];
  let depth = 0;
  let lineEnd = -1;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      lineEnd = lineEnd < at ? lineEndAt(text, at) : lineEnd;
      at = stringEnd(text, at) - 1;
      if (at >= lineEnd) {
        return null;
      }
    } else if (isOpening(code)) {
      if (depth < OUTER) {
        starts[depth] = at;
      }
      depth += 1;
      if (depth > maxDepth) {
        return null;
      }
    } else if (isClosing(code)) {
      depth -= 1;
      const start = depth < OUTER ? starts[depth] : undefined;
      if (start !== undefined) {
        ends.set(start, at + 1);
      }
    }
  }
  return ends;
}
