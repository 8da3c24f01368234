// JSON text -> ConfigNode tree with offsets, for every text: damage is told as problems with the obvious repair, never thrown.
// Understands what people really write: comments, trailing and missing commas, single quotes, bare keys, None/True/NaN.
import type { OffsetRange } from '../check/finding.ts';
import { parseSound, soundValueAt } from './json-lazy.ts';
import { makeScanner, type Scanner } from './json-scan.ts';
import type { ConfigNode, ParsedDocument } from './node.ts';

/** Configs nest three or four levels; deeper than this is not a config, and recursion must stay off the end of the stack. */
const MAX_DEPTH = 128;

interface Draft {
  type: ConfigNode['type'];
  range: OffsetRange;
  keyRange: OffsetRange | null;
  key: string | number | null;
  parent: ConfigNode | null;
  children: ConfigNode[];
  value: unknown;
}

/** Never throws. A member without a value has a `null` node of empty range whose value is undefined, and is absent from its parent's value. */
export function parseJson(text: string): ParsedDocument {
  const sound = parseSound(text, MAX_DEPTH);
  if (sound !== null) {
    return { language: 'json', text, root: sound, problems: [] };
  }
  return parseRecovering(text);
}

/** Of damaged JSON, what is there and what is wrong with it. `eager`: sound parts are read letter by letter too, to the same tree. */
export function parseRecovering(text: string, eager = false): ParsedDocument {
  const scanner = makeScanner(text, eager);
  scanner.skipSpace();
  if (scanner.at >= text.length) {
    return { language: 'json', text, root: null, problems: scanner.problems };
  }
  const root = parseValue(scanner, 0);
  scanner.skipSpace();
  if (scanner.at < text.length) {
    const range = { start: scanner.at, end: text.length };
    scanner.report('There is text after the end of the JSON value.', range, '');
  }
  return { language: 'json', text, root, problems: scanner.problems };
}

function parseValue(scanner: Scanner, depth: number): ConfigNode | null {
  const start = scanner.at;
  const next = scanner.peek();
  if (next === '{' || next === '[') {
    if (depth >= MAX_DEPTH) {
      scanner.report(`Nested deeper than ${MAX_DEPTH} levels; the rest is not read.`, { start, end: scanner.text.length }, null);
      scanner.at = scanner.text.length;
      return null;
    }
    const sound = scanner.eager ? null : soundValueAt(scanner.text, start, depth, MAX_DEPTH);
    if (sound !== null) {
      scanner.at = sound.range.end;
      scanner.lastEnd = scanner.at;
      return sound;
    }
    return next === '{' ? parseObject(scanner, depth) : parseArray(scanner, depth);
  }
  const scalar = scanner.scalar();
  return scalar === null ? null : draft(scalar.type, { start, end: scanner.at }, scalar.value);
}

function parseObject(scanner: Scanner, depth: number): ConfigNode {
  const start = scanner.at;
  const node = draft('object', { start, end: start }, {});
  const value: Record<string, unknown> = {};
  node.value = value;
  scanner.at += 1;
  const list = scanner.list('}', start);
  while (list.next()) {
    const keyStart = scanner.at;
    const key = scanner.key();
    if (key === null) {
      list.skipJunk('a key in double quotes');
      continue;
    }
    const keyRange = { start: keyStart, end: scanner.at };
    scanner.skipSpace();
    const colon = scanner.colon(keyRange);
    scanner.skipSpace();
    const child = colon ? memberValue(scanner, depth, keyRange) : missingValue(scanner, keyRange);
    adopt(node, child, key, keyRange);
    if (child.value !== undefined) {
      // defineProperty: a key named __proto__ must stay a plain member.
      Object.defineProperty(value, key, { value: child.value, enumerable: true, writable: true, configurable: true });
    }
    list.memberDone();
  }
  node.range = { start, end: scanner.at };
  return node;
}

function parseArray(scanner: Scanner, depth: number): ConfigNode {
  const start = scanner.at;
  const values: unknown[] = [];
  const node = draft('array', { start, end: start }, values);
  scanner.at += 1;
  const list = scanner.list(']', start);
  while (list.next()) {
    const child = parseValue(scanner, depth + 1);
    if (child === null) {
      list.skipJunk('a value');
      continue;
    }
    adopt(node, child as Draft, node.children.length, null);
    values.push(child.value);
    list.memberDone();
  }
  node.range = { start, end: scanner.at };
  return node;
}

function memberValue(scanner: Scanner, depth: number, keyRange: OffsetRange): Draft {
  const next = scanner.peek();
  if (next === ',' || next === '}' || next === ']' || next === '') {
    return missingValue(scanner, keyRange);
  }
  const child = parseValue(scanner, depth + 1);
  return child === null ? missingValue(scanner, keyRange) : (child as Draft);
}

function missingValue(scanner: Scanner, keyRange: OffsetRange): Draft {
  const key = scanner.text.slice(keyRange.start, keyRange.end);
  scanner.report(`${key} has no value.`, keyRange, null);
  // Just behind the colon: where the value would stand.
  return draft('null', { start: scanner.lastEnd, end: scanner.lastEnd }, undefined);
}

function draft(type: ConfigNode['type'], range: OffsetRange, value: unknown): Draft {
  return { type, range, keyRange: null, key: null, parent: null, children: [], value };
}

function adopt(parent: Draft, child: Draft, key: string | number, keyRange: OffsetRange | null): void {
  child.key = key;
  child.keyRange = keyRange;
  child.parent = parent;
  parent.children.push(child);
}
