// QC017: the target's runtime refuses, changes or ignores a setting, for a reason that no other rule is named after; or nothing is known about it.
import type { Finding } from '../../check/finding.ts';
import { findingsOf } from '../../check/sources.ts';
import { rangeAt } from '../../document/find.ts';
import type { Rule, RuleContext } from '../rule.ts';

export const runtimeRefuses: Rule = { code: 'QC017', run: (context) => [...findingsOf('QC017', context), ...unread(context)] };

/** A config without errors that has no normal form (a layout such as marlin): say that the targets were not judged. */
function unread(context: RuleContext): readonly Finding[] {
  const { recipe, targets, schemaProblems, document } = context;
  if (recipe !== null || targets.length === 0 || schemaProblems.length > 0 || document.problems.length > 0 || document.root === null) {
    return [];
  }
  const path = context.origins.saveFormat?.path ?? context.path;
  return [
    {
      code: 'QC017',
      severity: 'information',
      path,
      range: rangeAt(document.root, path),
      supportRule: null,
      source: null,
      fixes: [],
      message: 'This layout has no rows in the support tables, so nothing is said about the chosen targets.',
    },
  ];
}
