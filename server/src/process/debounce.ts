// One pending call per key: a later call replaces an earlier one that has not run yet. The clock is injected by tests.
export interface Debouncer {
  /** Runs `task` after `delayMs` unless the key is scheduled or cancelled again before. */
  schedule(key: string, delayMs: number, task: () => void): void;
  cancel(key: string): void;
  dispose(): void;
}

export interface Clock {
  set(task: () => void, delayMs: number): unknown;
  clear(handle: unknown): void;
}

interface Turn {
  immediate: NodeJS.Immediate;
}

/**
 * Without a delay a task still waits two turns of the event loop: messages are taken from the wire one a turn, so that of a burst of edits
 * that has arrived already only the last is checked.
 */
export const systemClock: Clock = {
  set(task, delayMs) {
    if (delayMs > 0) return setTimeout(task, delayMs);
    const turn: Turn = {
      immediate: setImmediate(() => {
        turn.immediate = setImmediate(task);
      }),
    };
    return turn;
  },
  clear(handle) {
    if (isTurn(handle)) clearImmediate(handle.immediate);
    else clearTimeout(handle as NodeJS.Timeout);
  },
};

function isTurn(handle: unknown): handle is Turn {
  return typeof handle === 'object' && handle !== null && 'immediate' in handle;
}

export function createDebouncer(clock: Clock = systemClock): Debouncer {
  const pending = new Map<string, unknown>();
  const cancel = (key: string): void => {
    if (!pending.has(key)) return;
    clock.clear(pending.get(key));
    pending.delete(key);
  };
  return {
    schedule(key, delayMs, task) {
      cancel(key);
      pending.set(
        key,
        clock.set(() => {
          pending.delete(key);
          task();
        }, delayMs),
      );
    },
    cancel,
    dispose() {
      for (const key of [...pending.keys()]) cancel(key);
    },
  };
}
