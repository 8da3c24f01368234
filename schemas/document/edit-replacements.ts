// Changes of a text by offsets: what edits come down to.
import type { OffsetRange } from '../check/finding.ts';

export interface Replacement {
  readonly range: OffsetRange;
  readonly text: string;
}

/** Overlapping changes: the later one in the text counts. */
export function applyReplacements(text: string, replacements: readonly Replacement[]): string {
  let result = text;
  const fromEnd = [...replacements].sort((a, b) => b.range.start - a.range.start || b.range.end - a.range.end);
  let limit = text.length;
  for (const { range, text: inserted } of fromEnd) {
    if (range.end <= limit) {
      result = result.slice(0, range.start) + inserted + result.slice(range.end);
      limit = range.start;
    }
  }
  return result;
}

/** One change around all that differs. */
export function difference(before: string, after: string): readonly Replacement[] {
  if (before === after) {
    return [];
  }
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) {
    start += 1;
  }
  let tail = 0;
  while (tail < most - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) {
    tail += 1;
  }
  return [{ range: { start, end: before.length - tail }, text: after.slice(start, after.length - tail) }];
}
