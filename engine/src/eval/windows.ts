// Cuts a text's ids into the windows of a perplexity protocol. Pure arithmetic.

export interface Window {
  readonly begin: number;
  /** Exclusive. */
  readonly end: number;
  /** Index (in the text) of the first id that this window predicts; everything from here to `end` is counted. */
  readonly firstPredicted: number;
}

/**
 * stride = window: consecutive windows without context from before, the incomplete last one dropped (the protocol of the GPTQ paper; algorithms section 17).
 * stride < window: windows begin every `stride` ids and overlap; each id is predicted once, by the first window that reaches it; the last window may be shorter.
 * A text shorter than the window is one window.
 */
export function planWindows(count: number, window: number, stride: number): readonly Window[] {
  if (count < 2) return [];
  const size = Math.min(window, count);
  const out: Window[] = [];
  if (stride >= size) {
    for (let begin = 0; begin + size <= count; begin += size) out.push({ begin, end: begin + size, firstPredicted: begin + 1 });
    return out;
  }
  let previousEnd = 1;
  for (let begin = 0; previousEnd < count; begin += stride) {
    const end = Math.min(begin + size, count);
    out.push({ begin, end, firstPredicted: previousEnd });
    previousEnd = end;
  }
  return out;
}
