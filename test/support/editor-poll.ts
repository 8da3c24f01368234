// Waiting for something that sends no event (a file, a process): asks again until it is so, and says what was awaited when it never is.
import { setTimeout as sleep } from 'node:timers/promises';

const intervalMs = 50;

/** Resolves with the first value of `ask` that is neither undefined, null nor false. */
export async function poll<T>(what: string, ask: () => T | Promise<T>, timeoutMs = 30_000): Promise<NonNullable<T>> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
    await sleep(intervalMs);
  }
}
