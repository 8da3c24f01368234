// Patterns of different formats that match the same modules, in one spelling. Patterns are anchored at the start and open at the end.
import { partOfName, tidy } from './names.ts';

/** `.*down_proj.*`, `^.*down_proj` and `.*down_proj` are one pattern; so are `lm_head` and `.*lm_head`, of which a model has one. */
export function plainName(pattern: string): string {
  const tidied = tidy(pattern);
  const part = partOfName(tidied);
  return part === null ? tidied.replace(/^\^/, '').replace(/(?:\.\*)+$/, '') : `.*${part}`;
}
