// Paths <-> nodes <-> ranges of a parsed document.
import type { OffsetRange } from '../check/finding.ts';
import type { JsonPath } from '../recipe/origin.ts';
import type { ConfigNode } from './node.ts';

export function nodeAt(root: ConfigNode | null, path: JsonPath): ConfigNode | null {
  let node = root;
  for (const step of path) {
    node = node === null ? null : childOf(node, step);
  }
  return node;
}

/** Objects with more members than this are looked up by an index, made once. */
const INDEXED = 32;
const indices = new WeakMap<ConfigNode, ReadonlyMap<string | number | null, ConfigNode>>();

/** The last of two equal keys: what JSON readers keep. */
function childOf(node: ConfigNode, step: string | number): ConfigNode | null {
  if (node.children.length <= INDEXED) {
    return node.children.findLast((child) => child.key === step) ?? null;
  }
  const index = indices.get(node) ?? new Map(node.children.map((child) => [child.key, child]));
  indices.set(node, index);
  return index.get(step) ?? null;
}

/** Path of a node from the root. */
export function pathOf(node: ConfigNode): JsonPath {
  const path: (string | number)[] = [];
  for (let at: ConfigNode | null = node; at !== null && at.key !== null; at = at.parent) {
    path.unshift(at.key);
  }
  return path;
}

/** Deepest node whose value or key holds the offset (end included, for a cursor behind the last character). */
export function nodeAtOffset(root: ConfigNode | null, offset: number): ConfigNode | null {
  if (root === null || !holds(root, offset)) {
    return null;
  }
  const child = root.children.find((one) => holds(one, offset));
  return child === undefined ? root : (nodeAtOffset(child, offset) ?? root);
}

/**
 * Where to underline `path`: the value when it is there (`on: 'key'`: its key); for a missing member the key of the nearest
 * object that would hold it, or that object's opening brace.
 */
export function rangeAt(root: ConfigNode | null, path: JsonPath, on: 'value' | 'key' = 'value'): OffsetRange {
  const node = nodeAt(root, path);
  if (node !== null) {
    const wide = node.type === 'object' && node.keyRange !== null;
    const empty = node.range.start === node.range.end;
    return (on === 'key' || wide || empty) && node.keyRange !== null ? node.keyRange : narrow(node);
  }
  if (path.length === 0 || root === null) {
    return root === null ? { start: 0, end: 0 } : narrow(root);
  }
  return rangeAt(root, path.slice(0, -1));
}

function narrow(node: ConfigNode): OffsetRange {
  return node.type === 'object' ? { start: node.range.start, end: node.range.start + 1 } : node.range;
}

function holds(node: ConfigNode, offset: number): boolean {
  const start = node.keyRange?.start ?? node.range.start;
  return offset >= start && offset <= node.range.end;
}
