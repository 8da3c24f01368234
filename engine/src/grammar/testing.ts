// For tests: recognizing whole texts, and writing random ones.
import type { TokenConstraint } from '../chat/token-constraint.ts';
import { createAutomaton } from './automaton.ts';
import type { Grammar } from './grammar.ts';
import { grammarConstraint } from './grammar-constraint.ts';
import { createRecognizer, type Recognizer } from './recognizer.ts';
import { createTokenTrie } from './token-trie.ts';

export function recognizerOf(grammar: Grammar): Recognizer {
  return createRecognizer(createAutomaton(grammar));
}

export function accepts(recognizer: Recognizer, text: string): boolean {
  let state = recognizer.start;
  for (const byte of new TextEncoder().encode(text)) {
    state = recognizer.next(state, byte);
    if (state < 0) return false;
  }
  return recognizer.accepts(state);
}

/** A text that the grammar allows: `pick(n)` chooses one of n ways. Texts that go on for more than `longest` bytes end as soon as they may; null when never. */
export function randomText(recognizer: Recognizer, pick: (ways: number) => number, longest = 2000): string | null {
  const bytes: number[] = [];
  for (let state = recognizer.start; bytes.length < 10 * longest; ) {
    const ways = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => recognizer.next(state, byte) >= 0);
    if (recognizer.accepts(state) && (ways.length === 0 || bytes.length > longest || pick(4) === 0)) return Buffer.from(bytes).toString();
    // Ends of strings, lists and objects, or texts would rarely end.
    const ends = ways.filter((byte) => byte === 0x22 || byte === 0x5d || byte === 0x7d);
    const from = ends.length > 0 && (bytes.length > longest || pick(4) === 0) ? ends : ways;
    const byte = from[pick(from.length)] ?? 0;
    bytes.push(byte);
    state = recognizer.next(state, byte);
  }
  return null;
}

export function constraintOf(grammar: Grammar, tokens: readonly Uint8Array[], endIds: ReadonlySet<number> = new Set()): TokenConstraint {
  const bytesOf = (id: number): Uint8Array => tokens[id] ?? new Uint8Array();
  return grammarConstraint(grammar, { trie: createTokenTrie(tokens.length, bytesOf), bytesOf, endIds, width: tokens.length });
}
