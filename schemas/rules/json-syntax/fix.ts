// Repairs of damaged JSON: one by one, or all at once.
import type { Fix } from '../../check/finding.ts';
import type { SyntaxProblem } from '../../document/node.ts';

/** A config to begin with. */
export const START = '{\n  "quant_method": "instant_quant",\n  "weight_format": "int8",\n  "group_size": 128,\n  "compute_method": "weight_only"\n}\n';

export function repairs(problem: SyntaxProblem, all: Fix | null): readonly Fix[] {
  const { replacement } = problem;
  if (replacement === null) {
    return [];
  }
  const own: Fix = { title: title(replacement), edits: [{ kind: 'replace', ...replacement }], preferred: true };
  return all === null ? [own] : [own, all];
}

/** One fix for the whole text, made once: a badly damaged one has thousands of places. Null when there are not several. */
export function repairOfAll(problems: readonly SyntaxProblem[]): Fix | null {
  const edits = problems.flatMap(({ replacement }) => (replacement === null ? [] : [{ kind: 'replace' as const, ...replacement }]));
  return edits.length > 1 ? { title: `Repair all ${edits.length} places`, edits, preferred: false } : null;
}

function title(replacement: NonNullable<SyntaxProblem['replacement']>): string {
  const { range, text } = replacement;
  const shown = text.length > 30 ? `${text.slice(0, 27)}...` : text;
  return text === '' ? 'Remove it' : range.start === range.end ? `Insert ${shown}` : `Write ${shown}`;
}
