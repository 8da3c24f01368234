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
