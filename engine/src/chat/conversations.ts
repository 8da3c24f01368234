// The conversations of one model: so many answers can be written at once, each over a cache of its own, and their forward passes are shared (model/forward.ts).
// A conversation that goes on finds its cache again; a new one takes a free place, or the one that fits best or was not used for the longest.
import type { LoadedModel } from '../model/load.ts';
import { createGenerator, type Generator } from './generate.ts';

export interface Conversations {
  /** A place for the prompt; waits while all are taken. Null when the signal ends the waiting. */
  take(prompt: Int32Array, signal?: AbortSignal): Promise<Generator | null>;
  give(generator: Generator): void;
}

/** capacity: tokens of each. most: places. */
export function createConversations(model: LoadedModel, capacity: number, most: number): Conversations {
  // Least recently used first.
  let idle: Generator[] = [];
  let made = 0;
  const waiting: (() => void)[] = [];

  const make = (): Generator => {
    made++;
    return createGenerator(model, capacity);
  };
  const pick = (prompt: Int32Array): Generator | null => {
    const best = idle.reduce<Generator | null>((a, b) => (a === null || b.reusable(prompt) > a.reusable(prompt) ? b : a), null);
    // Another conversation's cache is kept while there is room for a new one.
    const kept = best?.reusable(prompt) ?? 0;
    // The same conversation goes on, or its last answer is asked for again.
    const goesOn = best !== null && (2 * kept >= best.session.length || kept === prompt.length);
    if (!goesOn && made < most) return make();
    const [oldest = null] = idle;
    const chosen = goesOn ? best : oldest;
    idle = idle.filter((generator) => generator !== chosen);
    return chosen;
  };
  return {
    take: async (prompt, signal) => {
      for (;;) {
        if (signal?.aborted) return null;
        const found = pick(prompt);
        if (found !== null) return found;
        await nextFree(waiting, signal);
      }
    },
    give: (generator) => {
      idle.push(generator);
      waiting.shift()?.();
    },
  };
}

async function nextFree(waiting: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
  let wake: () => void = () => {};
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  waiting.push(wake);
  signal?.addEventListener('abort', wake, { once: true });
  await woken;
  signal?.removeEventListener('abort', wake);
  const at = waiting.indexOf(wake);
  if (at !== -1) waiting.splice(at, 1);
  // Woken and cancelled at once: the place goes to the next.
  else if (signal?.aborted) waiting.shift()?.();
}
