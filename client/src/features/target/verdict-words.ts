// A verdict as one line of markdown, for the tooltip of the status bar and the log. Pure.
import type { SupportVerdict } from '@quantwright/schemas/hardware/verdict';
import { targetLabel } from './targets.ts';

export function verdictLine(verdict: SupportVerdict): string {
  const target = targetLabel(verdict.target);
  if (verdict.kind === 'supported') return `$(pass) **${target}**: supported, runs on ${verdict.kernel}`;
  const nearest = verdict.nearest === null ? '' : ` Nearest that works: ${verdict.nearest.words}.`;
  return `$(${icons[verdict.kind]}) **${target}**: ${verdictWords[verdict.kind]} (${verdict.rule}). ${verdict.message}${nearest}`;
}

/** What happens there, in two words at most. */
export const verdictWords = {
  supported: 'runs',
  refused: 'refused',
  falls_back: 'falls back',
  dequantizes: 'dequantizes',
  ignored: 'ignores it',
  unknown: 'unknown',
} as const satisfies Readonly<Record<SupportVerdict['kind'], string>>;

const icons = { refused: 'error', falls_back: 'warning', dequantizes: 'warning', ignored: 'warning', unknown: 'question' } as const;
