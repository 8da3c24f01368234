// Which of the two states of vLLM that were read speaks for a version: runtime.json says how they map.
import { inRange } from '../../version-range.ts';

/** old: 0.10. now: from 0.28, and when no version is named. between: only what both say is certain. */
export type Era = 'old' | 'between' | 'now';

export function eraOf(version: string | null): Era {
  return inRange(version, '>=0.28') ? 'now' : inRange(version, '>=0.11') ? 'between' : 'old';
}
