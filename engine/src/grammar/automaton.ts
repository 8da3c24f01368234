// A grammar as a graph of nodes: what the recognizer walks. Nodes from which no text can end are marked, so that it never walks into a dead end.
import { EngineError } from '../errors.ts';
import type { Grammar, Rule } from './grammar.ts';

export type Node =
  /** Goes on after a byte of the ranges. */
  | { readonly kind: 'byte'; readonly ranges: readonly (readonly [number, number])[]; readonly next: number }
  /** Goes on at any of these, without a byte. */
  | { readonly kind: 'split'; readonly next: readonly number[] }
  /** Goes on at `next` when the rule that begins at `start` has ended. */
  | { readonly kind: 'call'; readonly start: number; readonly next: number }
  /** End of a rule. */
  | { readonly kind: 'end' };

export interface Automaton {
  readonly nodes: readonly Node[];
  readonly start: number;
  /** Per node: whether any text leads from it to the end of its rule. */
  readonly productive: readonly boolean[];
  /** Class of every byte: bytes of a class lead to the same places everywhere. */
  readonly classOf: Uint8Array;
  readonly classes: number;
  /** Of every class, one byte. */
  readonly byteOf: readonly number[];
}

/** A schema with counted repetitions in counted repetitions would grow beyond memory. */
const mostNodes = 300_000;

/** Throws kind `input` when the grammar is too large, or matches no text at all. */
export function createAutomaton(grammar: Grammar): Automaton {
  const nodes: Node[] = [];
  const starts = new Map<Rule, number>();
  const pending: { readonly at: number; readonly rule: Rule }[] = [];
  const add = (node: Node): number => {
    if (nodes.length >= mostNodes) throw new EngineError('input', 'the schema or pattern is too large: lower its counts (maxLength, maxItems, {n,m})');
    return nodes.push(node) - 1;
  };
  const end = add({ kind: 'end' });
  const startOf = (rule: Rule): number => {
    const known = starts.get(rule);
    if (known !== undefined) return known;
    // Its place now, its nodes later: rules may refer to themselves.
    const at = add({ kind: 'split', next: [] });
    starts.set(rule, at);
    pending.push({ at, rule });
    return at;
  };
  const build = (part: Grammar, next: number): number => {
    switch (part.kind) {
      case 'byte':
        return add({ kind: 'byte', ranges: part.ranges, next });
      case 'sequence':
        return part.parts.reduceRight((after, inner) => build(inner, after), next);
      case 'choice':
        return add({ kind: 'split', next: part.options.map((option) => build(option, next)) });
      case 'rule':
        return add({ kind: 'call', start: startOf(part.rule), next });
      default:
        return repeated(part.body, part.least, part.most, next);
    }
  };
  const repeated = (body: Grammar, least: number, most: number | null, next: number): number => {
    const copies = most ?? least + 1;
    // Once as a rule, then a call for each copy.
    const shared: Grammar = copies > 1 && body.kind !== 'byte' && body.kind !== 'rule' ? { kind: 'rule', rule: { body: () => body } } : body;
    let at = next;
    if (most === null) {
      const loop: number[] = [next];
      at = add({ kind: 'split', next: loop });
      loop.push(build(shared, at));
    } else {
      for (let count = least; count < most; count++) at = add({ kind: 'split', next: [next, build(shared, at)] });
    }
    for (let count = 0; count < least; count++) at = build(shared, at);
    return at;
  };
  const start = build(grammar, end);
  for (let job = pending.pop(); job !== undefined; job = pending.pop()) nodes[job.at] = { kind: 'split', next: [build(job.rule.body(), end)] };
  const productive = productiveNodes(nodes);
  if (!productive[start]) throw new EngineError('input', 'the schema allows no value that ever ends');
  return { nodes, start, productive, ...byteClasses(nodes) };
}

function productiveNodes(nodes: readonly Node[]): boolean[] {
  const productive = nodes.map(({ kind }) => kind === 'end');
  const is = (index: number): boolean => productive[index] ?? false;
  for (let changed = true; changed; ) {
    changed = false;
    // Targets of a node mostly lie before it, so few rounds are needed.
    for (const [index, node] of nodes.entries()) {
      if (is(index)) continue;
      const now =
        node.kind === 'byte' ? is(node.next) : node.kind === 'split' ? node.next.some(is) : node.kind === 'call' ? is(node.start) && is(node.next) : true;
      if (now) {
        productive[index] = true;
        changed = true;
      }
    }
  }
  return productive;
}

function byteClasses(nodes: readonly Node[]): Pick<Automaton, 'classOf' | 'classes' | 'byteOf'> {
  const begins = new Set([0]);
  for (const node of nodes) {
    if (node.kind !== 'byte') continue;
    for (const [low, high] of node.ranges) {
      begins.add(low);
      if (high < 255) begins.add(high + 1);
    }
  }
  const classOf = new Uint8Array(256);
  const byteOf: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    if (begins.has(byte)) byteOf.push(byte);
    classOf[byte] = byteOf.length - 1;
  }
  return { classOf, classes: byteOf.length, byteOf };
}
