// Guesses from the conversation itself: where its last tokens occurred before, what followed then. Costs no model; pays where answers repeat their prompt
// (code, configs, summaries). Source: prompt lookup decoding (Saxena 2023; transformers PromptLookupCandidateGenerator).
import type { DraftSource } from './speculation.ts';

/** Longest first: a longer match is more likely to go on the same way. */
const lengths = [4, 3, 2] as const;

/** `history` of one source must only grow. */
export function promptLookup(): DraftSource {
  // Hash of an n-gram -> where its latest occurrence was followed by something.
  const tables = lengths.map(() => new Map<number, number>());
  let indexed = 0;
  return {
    propose: ({ history, most }) => {
      // The last n-gram is what is looked for: nothing follows it yet.
      for (; indexed < history.length; indexed++) {
        for (const [table, length] of lengths.entries()) {
          if (indexed >= length) tables[table]?.set(hash(history, indexed, length), indexed);
        }
      }
      for (const [table, length] of lengths.entries()) {
        if (history.length <= length) continue;
        const at = tables[table]?.get(hash(history, history.length, length));
        if (at !== undefined && sameBefore(history, at, length)) return history.slice(at, at + most);
      }
      return [];
    },
  };
}

/** Of the `length` tokens before `end`; multiplier and mixing of MurmurHash3. */
function hash(history: readonly number[], end: number, length: number): number {
  let value = length;
  for (let index = end - length; index < end; index++) {
    value = Math.imul(value ^ (history[index] ?? 0), 0x85ebca6b);
    value ^= value >>> 13;
  }
  return value;
}

function sameBefore(history: readonly number[], at: number, length: number): boolean {
  for (let back = 1; back <= length; back++) {
    if (history[at - back] !== history[history.length - back]) return false;
  }
  return true;
}
