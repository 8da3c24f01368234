// What the judge says about a config with a value put in, in words: the decisive verdict of each target, and who is to blame.
// Works on the result of the whole check pipeline, so that completion and hover cannot disagree with the diagnostics.
import type { Finding } from '@quantwright/schemas/check/finding';
import type { CheckResult } from '@quantwright/schemas/check/types';
import type { Target } from '@quantwright/schemas/hardware/target';
import type { SupportVerdict } from '@quantwright/schemas/hardware/verdict';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import { same } from '../schema/jsonSchema.ts';
import { withLinks } from './sourceLinks.ts';

export interface Judgement {
  /** One verdict per target, the decisive one. */
  readonly verdicts: readonly SupportVerdict[];
  /** Errors that stand at the path itself: the value cannot stay. */
  readonly blamed: readonly Finding[];
  readonly errors: number;
  readonly warnings: number;
}

export function judge(result: CheckResult, path: JsonPath): Judgement {
  const errors = result.findings.filter((finding) => finding.severity === 'error');
  return {
    verdicts: decisivePerTarget(result.verdicts),
    blamed: errors.filter((finding) => same(finding.path, path)),
    errors: errors.length,
    warnings: result.findings.filter((finding) => finding.severity === 'warning').length,
  };
}

/** The judge gives the decisive verdict of a target first. */
export function decisivePerTarget(verdicts: readonly SupportVerdict[]): readonly SupportVerdict[] {
  const decisive = new Map<string, SupportVerdict>();
  for (const verdict of verdicts) {
    const key = targetWords(verdict.target);
    if (!decisive.has(key)) decisive.set(key, verdict);
  }
  return [...decisive.values()];
}

/** A list in markdown: one line per target. Empty without targets. */
export function verdictLines(verdicts: readonly SupportVerdict[]): readonly string[] {
  return verdicts.map((verdict) => `- ${marks[verdict.kind]} **${targetWords(verdict.target)}**: ${verdictWords(verdict)}`);
}

/** A few words for the detail column of a completion: who refuses. */
export function verdictSummary(verdicts: readonly SupportVerdict[]): string {
  const refused = verdicts.filter((verdict) => verdict.kind === 'refused');
  if (refused.length > 0) return `refused by ${refused.map((verdict) => targetWords(verdict.target)).join(', ')}`;
  const limited = verdicts.filter((verdict) => verdict.kind !== 'supported' && verdict.kind !== 'unknown');
  if (limited.length > 0) return `limited on ${limited.map((verdict) => targetWords(verdict.target)).join(', ')}`;
  return verdicts.some((verdict) => verdict.kind === 'supported') ? 'accepted' : '';
}

export function targetWords(target: Target): string {
  const version = target.version === null ? '' : ` ${target.version}`;
  const device = target.device === null ? '' : ` on ${target.device}`;
  const parallel = target.tensorParallel === 1 ? '' : `, tp ${target.tensorParallel}`;
  return `${target.runtime}${version}${device}${parallel}`;
}

function verdictWords(verdict: SupportVerdict): string {
  switch (verdict.kind) {
    case 'supported':
      return `runs on ${verdict.kernel} *(${withLinks(verdict.source)})*`;
    case 'refused':
      return reason(verdict);
    case 'falls_back':
      return `falls back to ${verdict.to} (${verdict.cost}). ${reason(verdict)}`;
    case 'dequantizes':
      return `dequantizes. ${reason(verdict)}`;
    case 'ignored':
      return `ignored silently. ${reason(verdict)}`;
    case 'unknown':
      return `not known. ${reason(verdict)}`;
  }
}

function reason(verdict: Exclude<SupportVerdict, { kind: 'supported' }>): string {
  const words = verdict.runtimeWords === null ? '' : ` Its own words: “${verdict.runtimeWords}”`;
  const nearest = verdict.nearest === null ? '' : ` Nearest that works: ${verdict.nearest.words}.`;
  return `${verdict.message}${words}${nearest} *(${verdict.rule}, ${withLinks(verdict.source)})*`;
}

const marks: Readonly<Record<SupportVerdict['kind'], string>> = { supported: '✓', refused: '✗', falls_back: '⚠', dequantizes: '⚠', ignored: '⚠', unknown: '?' };
