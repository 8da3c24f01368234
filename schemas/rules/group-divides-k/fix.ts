// The largest group size that divides every K, and per channel as the one that always does.
import type { Fix } from '../../check/finding.ts';
import type { Nearest } from '../../hardware/verdict.ts';
import type { RuleContext } from '../rule.ts';

export function groupFixes(context: RuleContext, nearest: Nearest | null): readonly Fix[] {
  const spell = (value: number): Fix['edits'] => context.format.spell('weights.groupSize', value, { value: context.value, path: context.path });
  if (nearest === null) {
    return [];
  }
  const largest: Fix = { title: `Use ${nearest.words}`, edits: spell(Number(nearest.value)), preferred: true };
  const all = nearest.value === -1 ? [largest] : [largest, { title: 'Use group_size -1 (per channel)', edits: spell(-1), preferred: false }];
  // AutoAWQ's file, for one, cannot say per channel.
  return all.filter(({ edits }) => edits.length > 0);
}
