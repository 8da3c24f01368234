// The verdicts of a checked config that may be shown as its state. Completion and hover, which look at one value, read all of them.
import type { CheckResult } from './types.ts';

/** The result's verdicts, without `supported` ones when the file has an error of its own: what cannot be read runs nowhere. */
export function credibleVerdicts({ verdicts, findings }: CheckResult): CheckResult['verdicts'] {
  const judged = new Set(verdicts.flatMap((verdict) => (verdict.kind === 'supported' ? [] : [verdict.rule])));
  const broken = findings.some(({ severity, supportRule }) => severity === 'error' && (supportRule === null || !judged.has(supportRule)));
  return broken ? verdicts.filter(({ kind }) => kind !== 'supported') : verdicts;
}
