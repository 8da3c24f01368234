// How long to wait with a check after a key stroke: not at all for what is quick; for large documents as long as the last check took, counted
// from its end, so that checks never take more than half of the time while somebody types, and a single key stroke is answered at once.

export interface Pace {
  delayFor(uri: string): number;
  /** A check of the document took this long and ended now. */
  took(uri: string, ms: number): void;
  forget(uri: string): void;
}

/** Below this nobody notices that every key stroke is checked. */
const quickMs = 12;
/** The longest wait, whatever a check costs. */
const patienceMs = 400;

export function createPace(now: () => number = () => performance.now()): Pace {
  const last = new Map<string, { readonly cost: number; readonly ended: number }>();
  return {
    delayFor(uri) {
      const check = last.get(uri);
      if (check === undefined || check.cost < quickMs) return 0;
      return Math.max(0, Math.ceil(check.ended + Math.min(check.cost, patienceMs) - now()));
    },
    took: (uri, ms) => void last.set(uri, { cost: ms, ended: now() }),
    forget: (uri) => void last.delete(uri),
  };
}
