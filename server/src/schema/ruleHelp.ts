// The help text of a rule (its rule.md), by code.
import { ruleHelp as pages } from '@quantwright/schemas/generated/rule-help';
import type { RuleHelp } from '@quantwright/schemas/rules/rule';

export function ruleHelp(code: string): RuleHelp | null {
  return pages.find((page) => page.code === code) ?? null;
}
