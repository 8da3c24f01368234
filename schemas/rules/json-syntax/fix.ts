// Repairs of damaged JSON: one by one, or all at once.
import type { Fix } from '../../check/finding.ts';
import type { SyntaxProblem } from '../../document/node.ts';

/** A config to begin with. */
export const START = '{\n  "quant_method": "instant_quant",\n  "weight_format": "int8",\n  "group_size": 128,\n  "compute_method": "weight_only"\n}\n';

export function repairs(problem: SyntaxProblem, all: readonly SyntaxProblem[]): readonly Fix[] {
  const { replacement } = problem;
  const edits = all.flatMap((one) => (one.replacement === null ? [] : [{ kind: 'replace' as const, ...one.replacement }]));
  const own: readonly Fix[] = replacement === null ? [] : [{ title: title(replacement), edits: [{ kind: 'replace', ...replacement }], preferred: true }];
  return edits.length > 1 && replacement !== null ? [...own, { title: `Repair all ${edits.length} places`, edits, preferred: false }] : own;
}

function title(replacement: NonNullable<SyntaxProblem['replacement']>): string {
  const { range, text } = replacement;
  const shown = text.length > 30 ? `${text.slice(0, 27)}...` : text;
  return text === '' ? 'Remove it' : range.start === range.end ? `Insert ${shown}` : `Write ${shown}`;
}
