// Runs a few steps of a sequence at a time: while one weight is packed, the next is read from the disk.

/** make(0) .. make(count - 1), begun in this order, `limit` at a time. After a failure none begins any more, and those under way end before it is thrown. */
export async function overlapped<T>(count: number, limit: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const results = new Map<number, T>();
  let next = 0;
  let failure: { readonly cause: unknown } | null = null;
  const work = async (): Promise<void> => {
    while (failure === null && next < count) {
      const index = next++;
      try {
        results.set(index, await make(index));
      } catch (cause) {
        failure ??= { cause };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, work));
  const failed = failure as { readonly cause: unknown } | null; // assigned in `work`, which control flow analysis does not follow
  if (failed !== null) throw failed.cause;
  return [...results.entries()].sort(([a], [b]) => a - b).map(([, result]) => result);
}
