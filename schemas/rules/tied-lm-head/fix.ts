// Names lm_head among the modules that stay in floating point.
import type { Fix } from '../../check/finding.ts';
import { addToList } from '../list-edits.ts';
import type { RuleContext } from '../rule.ts';

export function keepFixes({ document, path }: RuleContext, key: string): readonly Fix[] {
  const edits = addToList(document, [...path, key], ['lm_head']);
  return edits.length === 0 ? [] : [{ title: `Add "lm_head" to "${key}"`, edits, preferred: true }];
}
