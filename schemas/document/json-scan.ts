// The character level of the recovering JSON parser: white space and comments, scalars, separators. Every repair is recorded as a
// problem with its replacement. Progress is guaranteed: each call either moves on or ends its list.
import type { OffsetRange } from '../check/finding.ts';
import { readString } from './json-string.ts';
import type { SyntaxProblem } from './node.ts';

export interface Scalar {
  readonly type: 'string' | 'number' | 'boolean' | 'null';
  readonly value: unknown;
}

/** The members of one object or array; `next` is true while the scanner stands on a member. */
export interface ListScanner {
  next(): boolean;
  memberDone(): void;
  skipJunk(wanted: string): void;
}

export interface Scanner {
  readonly text: string;
  readonly eager: boolean;
  at: number;
  /** End of the last thing that was not white space. */
  lastEnd: number;
  readonly problems: SyntaxProblem[];
  peek(): string;
  skipSpace(): void;
  /** `replacement` replaces `replaced`, or the reported range itself. */
  report(message: string, range: OffsetRange, replacement: string | null, replaced?: OffsetRange): void;
  scalar(): Scalar | null;
  key(): string | null;
  colon(keyRange: OffsetRange): boolean;
  list(close: '}' | ']', openAt: number): ListScanner;
}

/** Spellings of other languages, and the JSON they stand for. */
const FOREIGN_WORDS: Readonly<Record<string, unknown>> = {
  None: null,
  Null: null,
  NULL: null,
  nil: null,
  undefined: null,
  True: true,
  TRUE: true,
  False: false,
  FALSE: false,
  NaN: null,
  nan: null,
  Infinity: null,
  inf: null,
};
const WORD = /[A-Za-z_$][\w$.-]*/y;
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** What may follow a number or word; anything else means the token was something else. */
const SEPARATOR = /[\s,:{}[\]/]/;

/** `eager`: read every part letter by letter. */
export function makeScanner(text: string, eager = false): Scanner {
  const problems: SyntaxProblem[] = [];
  const scanner: Scanner = {
    text,
    eager,
    at: text.charCodeAt(0) === 0xfeff ? 1 : 0,
    lastEnd: 0,
    problems,
    peek: () => text.charAt(scanner.at),
    skipSpace: () => skipSpace(scanner),
    report(message, range, replacement, replaced = range) {
      problems.push({ message, range, replacement: replacement === null ? null : { range: replaced, text: replacement } });
    },
    scalar: () => readScalar(scanner),
    key: () => readKey(scanner),
    colon: (keyRange) => readColon(scanner, keyRange),
    list: (close, openAt) => makeList(scanner, close, openAt),
  };
  return scanner;
}

function skipSpace(scanner: Scanner): void {
  const { text } = scanner;
  while (scanner.at < text.length) {
    const start = scanner.at;
    const code = text.charCodeAt(start);
    if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      scanner.at += 1;
      continue;
    }
    // Letters, digits and marks of ASCII, but not those that comments begin with.
    if (code > 0x20 && code < 0x80 && code !== 0x2f && code !== 0x23) {
      return;
    }
    const two = text.slice(start, start + 2);
    if (/\s/.test(text.charAt(start))) {
      scanner.at += 1;
    } else if (two === '//' || text.charAt(start) === '#') {
      const newline = text.indexOf('\n', start);
      scanner.at = newline < 0 ? text.length : newline;
      scanner.report('JSON has no comments; the tools that read this file refuse them.', { start, end: scanner.at }, '');
    } else if (two === '/*') {
      const close = text.indexOf('*/', start + 2);
      scanner.at = close < 0 ? text.length : close + 2;
      scanner.report('JSON has no comments; the tools that read this file refuse them.', { start, end: scanner.at }, '');
    } else {
      return;
    }
  }
}

function readScalar(scanner: Scanner): Scalar | null {
  const { text, at } = scanner;
  const quote = text.charAt(at);
  if (quote === '"' || quote === "'") {
    const value = readString(scanner);
    scanner.lastEnd = scanner.at;
    return { type: 'string', value };
  }
  return readNumber(scanner) ?? readWord(scanner);
}

function readNumber(scanner: Scanner): Scalar | null {
  const token = match(NUMBER, scanner);
  if (token === null) {
    return null;
  }
  const range = { start: scanner.at, end: scanner.at + token.length };
  scanner.at = range.end;
  scanner.lastEnd = range.end;
  const value = Number(token.replaceAll('_', ''));
  if (!JSON_NUMBER.test(token)) {
    scanner.report(`${token} is not how JSON writes a number.`, range, Number.isFinite(value) ? String(value) : null);
  }
  return { type: 'number', value };
}

function readWord(scanner: Scanner): Scalar | null {
  const word = match(WORD, scanner);
  if (word === null) {
    return null;
  }
  const range = { start: scanner.at, end: scanner.at + word.length };
  scanner.at = range.end;
  scanner.lastEnd = range.end;
  if (word === 'true' || word === 'false') {
    return { type: 'boolean', value: word === 'true' };
  }
  if (word === 'null') {
    return { type: 'null', value: null };
  }
  if (Object.hasOwn(FOREIGN_WORDS, word)) {
    const value = FOREIGN_WORDS[word];
    scanner.report(`${word} is not JSON; write ${value}.`, range, String(value));
    return value === null ? { type: 'null', value } : { type: 'boolean', value };
  }
  scanner.report(`${word} needs double quotes.`, range, JSON.stringify(word));
  return { type: 'string', value: word };
}

function readKey(scanner: Scanner): string | null {
  const quote = scanner.peek();
  if (quote === '"' || quote === "'") {
    const key = readString(scanner);
    scanner.lastEnd = scanner.at;
    return key;
  }
  const word = match(WORD, scanner);
  if (word === null) {
    return null;
  }
  const range = { start: scanner.at, end: scanner.at + word.length };
  scanner.report(`The key ${word} needs double quotes.`, range, JSON.stringify(word));
  scanner.at = range.end;
  scanner.lastEnd = range.end;
  return word;
}

function readColon(scanner: Scanner, keyRange: OffsetRange): boolean {
  const next = scanner.peek();
  const key = scanner.text.slice(keyRange.start, keyRange.end);
  if (next === ':') {
    scanner.at += 1;
    scanner.lastEnd = scanner.at;
    return true;
  }
  if (next === '=') {
    const range = { start: scanner.at, end: scanner.at + 1 };
    scanner.report(`After the key ${key} comes a colon.`, range, ':');
    scanner.at = range.end;
    scanner.lastEnd = range.end;
    return true;
  }
  if (next === '' || next === ',' || next === '}' || next === ']') {
    return false;
  }
  scanner.report(`The colon after the key ${key} is missing.`, { start: scanner.lastEnd, end: scanner.lastEnd }, ':');
  return true;
}

function makeList(scanner: Scanner, close: '}' | ']', openAt: number): ListScanner {
  let commaAt = -1;
  let first = true;
  let ended = false;
  scanner.lastEnd = scanner.at;
  const trailing = (): void => {
    if (commaAt >= 0) {
      scanner.report('JSON allows no comma after the last member.', { start: commaAt, end: commaAt + 1 }, '');
    }
  };
  return {
    next() {
      scanner.skipSpace();
      const next = scanner.peek();
      if (ended) {
        return false;
      }
      if (next === close) {
        trailing();
        scanner.at += 1;
        scanner.lastEnd = scanner.at;
        return false;
      }
      if (next === '' || next === '}' || next === ']') {
        trailing();
        const opened = scanner.text.charAt(openAt);
        const end = { start: scanner.lastEnd, end: scanner.lastEnd };
        scanner.report(`This ${opened} is never closed.`, { start: openAt, end: openAt + 1 }, close, end);
        return false;
      }
      if (next === ',') {
        scanner.report('A comma without a member before it.', { start: scanner.at, end: scanner.at + 1 }, '');
        scanner.at += 1;
        return this.next();
      }
      if (!first && commaAt < 0) {
        scanner.report('The comma between two members is missing.', { start: scanner.lastEnd, end: scanner.lastEnd }, ',');
      }
      first = false;
      commaAt = -1;
      return true;
    },
    memberDone() {
      scanner.skipSpace();
      if (scanner.peek() === ',' || scanner.peek() === ';') {
        if (scanner.peek() === ';') {
          scanner.report('Members are separated by commas.', { start: scanner.at, end: scanner.at + 1 }, ',');
        }
        commaAt = scanner.at;
        scanner.at += 1;
        scanner.lastEnd = scanner.at;
      }
    },
    skipJunk(wanted) {
      const start = scanner.at;
      scanner.at = Math.min(start + 1, scanner.text.length);
      while (scanner.at < scanner.text.length && !/[,{}[\]"'\s]/.test(scanner.peek())) {
        scanner.at += 1;
      }
      scanner.report(`Expected ${wanted} here.`, { start, end: scanner.at }, null);
      scanner.lastEnd = scanner.at;
      ended = scanner.at >= scanner.text.length;
      // Junk stands where a member would: the next one needs no comma of its own.
      first = true;
    },
  };
}

function match(pattern: RegExp, scanner: Scanner): string | null {
  pattern.lastIndex = scanner.at;
  const token = pattern.exec(scanner.text)?.[0] ?? null;
  if (token === null || pattern === WORD) {
    return token;
  }
  const after = scanner.text.charAt(scanner.at + token.length);
  return after === '' || SEPARATOR.test(after) || after === ';' || after === '"' ? token : null;
}
