// A grammar over the tokens of a vocabulary: which tokens may follow, as bits for the sampler. Masks are kept for the states that were met last.
import type { TokenConstraint } from '../chat/token-constraint.ts';
import { createAutomaton } from './automaton.ts';
import type { Grammar } from './grammar.ts';
import { createRecognizer } from './recognizer.ts';
import type { TokenTrie } from './token-trie.ts';

export interface ConstraintTokens {
  readonly trie: TokenTrie;
  readonly bytesOf: (id: number) => Uint8Array;
  /** Allowed where the text may end. */
  readonly endIds: ReadonlySet<number>;
  /** Width of the model's logits; ids behind the tokenizer's are never allowed. */
  readonly width: number;
}

/** A mask of 128 k tokens has 16 KiB. */
const mostMasks = 512;

/** Throws as createAutomaton does. */
export function grammarConstraint(grammar: Grammar, { trie, bytesOf, endIds, width }: ConstraintTokens): TokenConstraint {
  const recognizer = createRecognizer(createAutomaton(grammar));
  const masks = new Map<number, Int32Array>();
  const stateAt = new Int32Array(trie.longest + 1);
  const maskOf = (state: number): Int32Array => {
    const mask = new Int32Array(Math.ceil(width / 32));
    const allow = (id: number): void => {
      if (id < width) mask[id >> 5] = (mask[id >> 5] ?? 0) | (1 << (id & 31));
    };
    stateAt[0] = state;
    for (let node = 0; node < trie.byte.length; ) {
      const depth = trie.depth[node] ?? 1;
      const next = recognizer.next(stateAt[depth - 1] ?? -1, trie.byte[node] ?? 0);
      if (next < 0) {
        node = trie.skip[node] ?? trie.byte.length;
        continue;
      }
      stateAt[depth] = next;
      for (let id = trie.token[node] ?? -1; id >= 0; id = trie.alike[id] ?? -1) allow(id);
      node++;
    }
    if (recognizer.accepts(state)) for (const id of endIds) allow(id);
    return mask;
  };
  return {
    start: recognizer.start,
    next: (state, id) => {
      const bytes = bytesOf(id);
      if (bytes.length === 0) return -1;
      let at = state;
      for (const byte of bytes) {
        at = recognizer.next(at, byte);
        if (at < 0) return -1;
      }
      return at;
    },
    mask: (state) => {
      const known = masks.get(state);
      const mask = known ?? maskOf(state);
      masks.delete(state);
      masks.set(state, mask);
      const [oldest] = masks.keys();
      if (masks.size > mostMasks && oldest !== undefined) masks.delete(oldest);
      return mask;
    },
    finished: (state) => recognizer.accepts(state) && !recognizer.continues(state),
  };
}
