// One string of the recovering JSON parser: double or single quotes, escapes, and strings that end at the line because their quote is missing.
import type { Scanner } from './json-scan.ts';

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** Reads from the opening quote at `scanner.at` to behind the closing one, or to the end of the line. */
export function readString(scanner: Scanner): string {
  const { text } = scanner;
  const start = scanner.at;
  const quote = text.charAt(start);
  let value = '';
  let at = start + 1;
  let run = at;
  let closed = false;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === quote) {
      closed = true;
      break;
    }
    if (char === '\n' || char === '\r') {
      break;
    }
    if (char !== '\\') {
      at += 1;
      continue;
    }
    value += text.slice(run, at);
    const read = readEscape(text, at);
    if (read.value === null) {
      const range = { start: at, end: Math.min(at + 2, text.length) };
      scanner.report(
        `${text.slice(range.start, range.end)} is not an escape of JSON; a backslash is written \\\\.`,
        range,
        `\\${text.slice(range.start, range.end)}`,
      );
    }
    value += read.value ?? text.slice(at, read.end);
    at = read.end;
    run = at;
  }
  value += text.slice(run, at);
  scanner.at = closed ? at + 1 : at;
  report(scanner, start, value, closed, quote);
  return value;
}

function report(scanner: Scanner, start: number, value: string, closed: boolean, quote: string): void {
  const range = { start, end: scanner.at };
  if (!closed) {
    scanner.report('The closing quote of this string is missing.', range, JSON.stringify(value.replace(/[\s,]+$/, '')));
  } else if (quote === "'") {
    scanner.report('JSON strings stand in double quotes.', range, JSON.stringify(value));
  }
}

function readEscape(text: string, at: number): { readonly value: string | null; readonly end: number } {
  const letter = text.charAt(at + 1);
  if (letter === 'u') {
    const hex = text.slice(at + 2, at + 6);
    return /^[0-9a-fA-F]{4}$/.test(hex)
      ? { value: String.fromCharCode(Number.parseInt(hex, 16)), end: at + 6 }
      : { value: null, end: Math.min(at + 2, text.length) };
  }
  const value = Object.hasOwn(ESCAPES, letter) ? (ESCAPES[letter] ?? null) : null;
  const end = letter === '\n' || letter === '\r' ? at + 1 : Math.min(at + 2, text.length);
  return { value, end };
}
