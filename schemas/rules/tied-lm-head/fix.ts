// Names lm_head among the modules that stay in floating point.
import type { Fix } from '../../check/finding.ts';
import { addFix } from '../list-edits.ts';
import type { RuleContext } from '../rule.ts';

export function keepFixes({ document, path }: RuleContext, key: string): readonly Fix[] {
  return addFix(document, [...path, key], 'lm_head');
}
