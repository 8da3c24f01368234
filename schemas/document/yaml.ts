// YAML text -> the same ConfigNode tree as JSON, with offsets (recipes of llm-compressor, settings of SmoothQuant and qllm). Never throws.
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, parseDocument, visit } from 'yaml';
import type { OffsetRange } from '../check/finding.ts';
import type { ConfigNode, ParsedDocument, SyntaxProblem } from './node.ts';

/** As for JSON: deeper than this is not a config. Aliases count as levels, so a text cannot unfold itself without end. */
const MAX_DEPTH = 64;
/** Nodes of one document, aliases unfolded: a bound on texts that grow by aliases of aliases. */
const MAX_NODES = 200_000;

interface Draft {
  type: ConfigNode['type'];
  range: OffsetRange;
  keyRange: OffsetRange | null;
  key: string | number | null;
  parent: ConfigNode | null;
  children: ConfigNode[];
  value: unknown;
}

interface Reading {
  readonly length: number;
  /** What every alias stands for. */
  readonly targets: ReadonlyMap<Node, Node>;
  readonly problems: SyntaxProblem[];
  nodesLeft: number;
  cut: boolean;
}

/** A key without a value has a `null` node of empty range behind its colon. Of equal keys the last one counts. */
export function parseYaml(text: string): ParsedDocument {
  try {
    return read(text);
  } catch {
    // The library recurses: only nesting that no config has exhausts the stack.
    const problem = { message: `Nested deeper than ${MAX_DEPTH} levels; the text is not read.`, range: { start: 0, end: text.length }, replacement: null };
    return { language: 'yaml', text, root: null, problems: [problem] };
  }
}

function read(text: string): ParsedDocument {
  const document = parseDocument(text, { strict: false, uniqueKeys: false, logLevel: 'silent' });
  const problems = document.errors.map(
    ({ message, pos }): SyntaxProblem => ({ message: sentence(message), range: within(pos, text.length), replacement: null }),
  );
  const reading: Reading = { length: text.length, targets: aliasTargets(document), problems, nodesLeft: MAX_NODES, cut: false };
  const root = isNode(document.contents) ? convert(document.contents, reading, 0, null) : null;
  const nothing = root?.type === 'null' && root.range.start === root.range.end;
  return { language: 'yaml', text, root: nothing ? null : root, problems };
}

/** One walk in the order of the text: an alias means the last anchor of its name above it. */
function aliasTargets(document: Document): ReadonlyMap<Node, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node>();
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) {
          targets.set(node, target);
        }
      } else if (node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
    },
  });
  return targets;
}

/** The library adds the place and the lines of the text; an editor shows both. */
function sentence(message: string): string {
  const [first = ''] = message.split('\n');
  return `${first.replace(/ at line \d+, column \d+:?$/, '').replace(/\.$/, '')}.`;
}

function within([start, end]: readonly [number, number], length: number): OffsetRange {
  return { start: Math.min(start, length), end: Math.min(Math.max(start, end), length) };
}

/** `at`: place of the alias through which the node is seen; its own otherwise. Null past the limits. */
function convert(node: Node, reading: Reading, depth: number, at: OffsetRange | null): Draft | null {
  const range = at ?? rangeOf(node, reading);
  reading.nodesLeft -= 1;
  if (depth > MAX_DEPTH || reading.nodesLeft < 0) {
    cutOff(reading, range);
    return null;
  }
  if (isAlias(node)) {
    const target = reading.targets.get(node);
    return target === undefined ? draft('null', range, null) : convert(target, reading, depth + 1, range);
  }
  if (isMap(node)) {
    return convertMap(node.items, range, reading, depth, at);
  }
  if (isSeq(node)) {
    const list = draft('array', range, []);
    for (const item of node.items) {
      // A list of pairs (`[a: 1]`) is one of small maps.
      const child = isNode(item) ? convert(item, reading, depth + 1, at) : null;
      if (child !== null) {
        adopt(list, child, list.children.length, null);
      }
    }
    list.value = list.children.map((child) => child.value);
    return list;
  }
  return isScalar(node) ? scalar(node.value, range) : draft('null', range, null);
}

function cutOff(reading: Reading, range: OffsetRange): void {
  if (!reading.cut) {
    reading.cut = true;
    reading.problems.push({ message: `Nested deeper than ${MAX_DEPTH} levels, or longer than any config; the rest is not read.`, range, replacement: null });
  }
}

function convertMap(
  items: readonly { readonly key: unknown; readonly value: unknown }[],
  range: OffsetRange,
  reading: Reading,
  depth: number,
  at: OffsetRange | null,
): Draft {
  const map = draft('object', range, {});
  const value: Record<string, unknown> = {};
  for (const { key, value: inner } of items) {
    const name = isScalar(key) ? String(key.value) : null;
    if (name === null || !isNode(key)) {
      continue;
    }
    const keyRange = at ?? rangeOf(key, reading);
    const child = isNode(inner) ? convert(inner, reading, depth + 1, at) : draft('null', { start: keyRange.end, end: keyRange.end }, null);
    if (child !== null) {
      adopt(map, child, name, keyRange);
      // defineProperty: a key named __proto__ must stay a plain member.
      Object.defineProperty(value, name, { value: child.value, enumerable: true, writable: true, configurable: true });
    }
  }
  map.value = value;
  return map;
}

function scalar(value: unknown, range: OffsetRange): Draft {
  switch (typeof value) {
    case 'number':
      return draft('number', range, value);
    case 'bigint':
      return draft('number', range, Number(value));
    case 'boolean':
      return draft('boolean', range, value);
    case 'string':
      return draft('string', range, value);
    default:
      return value === null || value === undefined ? draft('null', range, null) : draft('string', range, String(value));
  }
}

function rangeOf(node: Node, { length }: Reading): OffsetRange {
  const [start, end] = node.range ?? [0, 0];
  return within([start, end], length);
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
