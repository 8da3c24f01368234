// The first change a format offers for a config in the wrong place is the one to take.
import type { Fix } from '../../check/finding.ts';
import type { PlaceProblem } from '../../configs/config-format.ts';

export function asFixes(fixes: PlaceProblem['fixes']): readonly Fix[] {
  return fixes.map((fix, index) => ({ ...fix, preferred: index === 0 }));
}
