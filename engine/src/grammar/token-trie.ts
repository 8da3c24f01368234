// The byte strings of a vocabulary as one tree, so that tokens that begin alike are judged together. Made once for a tokenizer.

/** Nodes in the order of a walk: a node, then everything below it. */
export interface TokenTrie {
  readonly vocabulary: number;
  readonly byte: Uint8Array;
  /** From 1. */
  readonly depth: Uint16Array;
  /** The node to go on with when nothing below this one is wanted. */
  readonly skip: Int32Array;
  /** A token whose bytes end here, or -1. */
  readonly token: Int32Array;
  /** Per token: another one with the same bytes, or -1. */
  readonly alike: Int32Array;
  readonly longest: number;
}

/** Tokens without bytes (special ones) are left out. */
export function createTokenTrie(vocabulary: number, bytesOf: (id: number) => Uint8Array): TokenTrie {
  const tokens: { readonly id: number; readonly bytes: Uint8Array }[] = [];
  for (let id = 0; id < vocabulary; id++) {
    const bytes = bytesOf(id);
    if (bytes.length > 0) tokens.push({ id, bytes });
  }
  tokens.sort((a, b) => Buffer.compare(a.bytes, b.bytes) || a.id - b.id);
  const [byte, depth, token]: [number[], number[], number[]] = [[], [], []];
  const alike = new Int32Array(vocabulary).fill(-1);
  let before: Uint8Array = new Uint8Array();
  let lastId = -1;
  for (const { id, bytes } of tokens) {
    let common = 0;
    while (common < before.length && common < bytes.length && before[common] === bytes[common]) common++;
    // Sorted, so equal bytes follow one another.
    if (common === bytes.length && common === before.length) {
      alike[lastId] = id;
    } else {
      for (let at = common; at < bytes.length; at++) {
        byte.push(bytes[at] ?? 0);
        depth.push(at + 1);
        token.push(at + 1 === bytes.length ? id : -1);
      }
    }
    before = bytes;
    lastId = id;
  }
  return {
    vocabulary,
    byte: Uint8Array.from(byte),
    depth: Uint16Array.from(depth),
    token: Int32Array.from(token),
    skip: skips(depth),
    alike,
    longest: depth.reduce((most, value) => Math.max(most, value), 0),
  };
}

/** From the end: what follows a node at its own depth or above. */
function skips(depth: readonly number[]): Int32Array {
  const out = new Int32Array(depth.length);
  const nextAt: number[] = [];
  for (let index = depth.length - 1; index >= 0; index--) {
    const own = depth[index] ?? 0;
    let next = depth.length;
    for (let level = 1; level <= own; level++) next = Math.min(next, nextAt[level] ?? depth.length);
    out[index] = next;
    nextAt[own] = index;
    nextAt.length = own + 1;
  }
  return out;
}
