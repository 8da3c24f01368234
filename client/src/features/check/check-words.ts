// The message of Check Config. Pure.
import type { Target } from '@quantwright/schemas/hardware/target';
import type { ExplainResult } from '@quantwright/schemas/rpc/server';
import { targetsLabel } from '../target/targets.ts';

export function checkWords(fileName: string, { format, errors, warnings }: ExplainResult, targets: readonly Target[]): string {
  if (format === null) return `${fileName} is not a quantization config that Quantwright knows: neither its name nor its keys fit a format.`;
  const judged = targets.length === 0 ? 'no target selected, so only the rules that need none were applied' : `judged for ${targetsLabel(targets)}`;
  return `${fileName}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}. Format ${format}; ${judged}.`;
}

function counted(count: number, noun: string): string {
  if (count === 0) return `no ${noun}s`;
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
