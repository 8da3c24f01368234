// When to start the engine again after a crash: 1, 2, 4 ... 30 seconds, and not at all after the fifth crash in a minute.
// Pure: the supervisor gives it the time and does the waiting.

/** What is remembered between crashes. */
export interface CrashHistory {
  /** Crashes in a row, each of an engine that had not run for `steadyMs`. */
  readonly streak: number;
  /** Times of the crashes of the last minute, in milliseconds. */
  readonly times: readonly number[];
}

export type CrashDecision = { readonly kind: 'restart'; readonly delayMs: number } | { readonly kind: 'giveUp'; readonly crashes: number };

export const noCrashes: CrashHistory = { streak: 0, times: [] };

const firstDelayMs = 1_000;
const longestDelayMs = 30_000;
/** An engine that ran this long was healthy: the next crash starts from the shortest delay again. */
const steadyMs = 60_000;
const windowMs = 60_000;
const crashesAllowed = 5;

/** `uptimeMs`: how long the engine that crashed had been running; 0 when it did not get as far as the handshake. */
export function afterCrash(history: CrashHistory, nowMs: number, uptimeMs: number): { readonly history: CrashHistory; readonly decision: CrashDecision } {
  const streak = uptimeMs >= steadyMs ? 1 : history.streak + 1;
  const times = [...history.times.filter((time) => nowMs - time < windowMs), nowMs];
  const decision: CrashDecision =
    times.length >= crashesAllowed
      ? { kind: 'giveUp', crashes: times.length }
      : { kind: 'restart', delayMs: Math.min(longestDelayMs, firstDelayMs * 2 ** (streak - 1)) };
  return { history: { streak, times }, decision };
}
