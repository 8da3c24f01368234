// What of the runs view is no element: which runs the report leaves out, and what is announced. Pure.
import type { RunRow } from '@quantwright/schemas/rpc/runs-view';

/** `left` after the user has put `runs` into the report or taken them out. */
export function leftAfter(left: readonly string[], runs: readonly RunRow[], inReport: boolean): readonly string[] {
  const files = new Set(runs.map(({ file }) => file));
  const others = left.filter((file) => !files.has(file));
  return inReport ? others : [...others, ...files];
}

/** What a screen reader says when runs arrive or leave; null: nothing has changed. */
export function changeWords(before: readonly RunRow[], now: readonly RunRow[]): string | null {
  const known = new Set(before.map(({ file }) => file));
  const added = now.filter(({ file }) => !known.has(file));
  const [first] = added;
  if (first !== undefined) return added.length === 1 ? `New run: ${kinds[first.kind]} of ${first.name}. ${first.found}` : `${added.length} new runs.`;
  const kept = new Set(now.map(({ file }) => file));
  const gone = before.filter(({ file }) => !kept.has(file)).length;
  return gone === 0 ? null : `${gone === 1 ? '1 run is' : `${gone} runs are`} gone; ${now.length} left.`;
}

export const kinds: Readonly<Record<RunRow['kind'], string>> = {
  ppl: 'perplexity',
  tasks: 'tasks',
  needle: 'needle',
  compare: 'comparison',
  stats: 'statistics',
  distance: 'distance',
  kernels: 'kernels',
};
