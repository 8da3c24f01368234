// How many tokens two sequences begin with in common: what a session's cache can be reused for.

export function commonPrefix(held: readonly number[], wanted: ArrayLike<number>): number {
  let length = 0;
  while (length < held.length && length < wanted.length && held[length] === wanted[length]) length++;
  return length;
}
