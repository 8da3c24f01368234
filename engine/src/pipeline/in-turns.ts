// Work on a few items at a time, the next when one is done.

/** Takes the next when one of `atOnce` is done. All that were begun have ended when this rejects. */
export async function inTurns<T>(items: readonly T[], atOnce: number, body: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await body(item);
  };
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}
