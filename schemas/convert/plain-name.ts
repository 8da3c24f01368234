// Patterns of different formats that match the same modules, in one spelling. Patterns are anchored at the start and open at the end.

/** `.*down_proj.*`, `^.*down_proj` and `.*down_proj` are one pattern. */
export function plainName(pattern: string): string {
  return pattern.replace(/^\^/, '').replace(/(?:\.\*)+$/, '');
}
