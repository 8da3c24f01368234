// The runtimes a config can be judged for, with their rules. A runtime without rules has no rows in this version: its verdict is `unknown`.
import { runtimeRows } from '../../generated/runtimes.ts';
import type { RuntimeData, RuntimeRule } from './runtime-data.ts';

export const runtimes: readonly RuntimeData[] = runtimeRows;

export function findRuntime(id: string): RuntimeData | null {
  return runtimes.find((runtime) => runtime.id === id) ?? null;
}

/** A rule by its id, over all runtimes; null for ids that belong to no table. */
export function findRule(id: string): RuntimeRule | null {
  for (const runtime of runtimes) {
    const rule = runtime.rules.find((one) => one.id === id);
    if (rule !== undefined) {
      return rule;
    }
  }
  return null;
}

/** Rules of the judge that belong to no runtime's table. */
const GENERAL: Readonly<Record<string, string>> = { 'DIV-K': 'QC001', 'NO-ROW': 'QC017', 'NO-DEVICE': 'QC017' };

/** The diagnostic that tells a rule. */
export function codeOfRule(rule: string): string {
  return findRule(rule)?.code ?? GENERAL[rule] ?? 'QC017';
}
