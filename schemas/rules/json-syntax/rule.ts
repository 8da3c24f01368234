// QC014: the text is not JSON. The checks go on with what can be read.
import type { Finding } from '../../check/finding.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { repairOfAll, repairs, START } from './fix.ts';

/** A text with more damage than this is not a config with slips of the pen; the repair of all of it is still offered. */
const REPORTED = 50;

export const jsonSyntax: Rule = {
  code: 'QC014',
  run(context) {
    const { problems, root, text } = context.document;
    const all = repairOfAll(problems);
    const found = problems
      .slice(0, REPORTED)
      .map((problem): Finding => ({ ...blank(context), message: problem.message, range: problem.range, fixes: repairs(problem, all) }));
    if (root !== null || found.length > 0) {
      return found;
    }
    const whole = { start: 0, end: text.length };
    return [
      {
        ...blank(context),
        message: 'The file is empty; a config is a JSON object.',
        range: whole,
        fixes: [{ title: 'Begin with a plain 8-bit config', edits: [{ kind: 'replace', range: whole, text: START }], preferred: true }],
      },
    ];
  },
};

function blank(context: RuleContext): Omit<Finding, 'message' | 'range' | 'fixes'> {
  return { code: 'QC014', severity: 'error', path: context.path, supportRule: null, source: 'RFC 8259' };
}
