// The three sources every rule draws from, filtered by its code: schema problems, problems of lowering, and verdicts of the judge.
import { rangeAt } from '../document/find.ts';
import { codeOfRule, findRule } from '../hardware/runtimes/index.ts';
import type { SupportVerdict } from '../hardware/verdict.ts';
import type { RuleContext } from '../rules/rule.ts';
import type { Finding, Fix, Severity } from './finding.ts';

const SEVERITY: Readonly<Record<Exclude<SupportVerdict['kind'], 'supported'>, Severity>> = {
  refused: 'error',
  falls_back: 'warning',
  dequantizes: 'warning',
  ignored: 'warning',
  unknown: 'information',
};

export function findingsOf(code: string, context: RuleContext): readonly Finding[] {
  return [...schemaFindings(code, context), ...lowerFindings(code, context), ...verdictFindings(code, context)];
}

export function schemaFindings(code: string, context: RuleContext): readonly Finding[] {
  return context.schemaProblems
    .filter((problem) => problem.code === code)
    .map((problem) => ({
      code,
      severity: 'error' as const,
      message: problem.message,
      path: problem.path,
      range: rangeAt(context.document.root, problem.path),
      supportRule: problem.supportRule,
      source: problem.source,
      fixes: problem.fixes,
    }));
}

export function lowerFindings(code: string, context: RuleContext): readonly Finding[] {
  return context.lowerProblems
    .filter((problem) => problem.code === code)
    .map(({ message, path, severity, source, fixes, on }) => ({
      code,
      severity: severity ?? ('error' as const),
      message,
      path,
      range: rangeAt(context.document.root, path, on ?? 'key'),
      supportRule: null,
      source: source ?? null,
      fixes: fixes ?? [],
    }));
}

function verdictFindings(code: string, context: RuleContext): readonly Finding[] {
  return context.verdicts.flatMap((verdict) => {
    if (verdict.kind === 'supported' || codeOfRule(verdict.rule) !== code) {
      return [];
    }
    const path = context.origins[verdict.field]?.path ?? context.path;
    const said = verdict.runtimeWords === null ? '' : ` It says: "${verdict.runtimeWords}"`;
    return [
      {
        code,
        severity: findRule(verdict.rule)?.severity ?? SEVERITY[verdict.kind],
        message: verdict.message + said,
        path,
        range: rangeAt(context.document.root, path),
        supportRule: verdict.rule,
        source: verdict.source,
        fixes: nearestFixes(verdict.nearest, context),
      },
    ];
  });
}

/** The nearest legal change as the format spells it; none when the format cannot say it. */
function nearestFixes(nearest: Exclude<SupportVerdict, { kind: 'supported' }>['nearest'], context: RuleContext): readonly Fix[] {
  if (nearest === null) {
    return [];
  }
  const config = { value: context.value, path: context.path };
  const [own, ...rest] = [nearest, ...(nearest.also ?? [])].map(({ field, value }) => context.format.spell(field, value, config));
  return own === undefined || own.length === 0 ? [] : [{ title: `Use ${nearest.words}`, edits: [...own, ...rest.flat()], preferred: true }];
}
