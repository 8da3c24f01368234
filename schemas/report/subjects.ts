// Who is compared: every model of the runs with every KV cache it ran with. The same model in two places is one subject. Each has a number, which stands beside
// it in every table and chart.
import type { Run, RunModel } from '../runs/run.ts';

export interface Subject {
  readonly key: string;
  /** From 1. */
  readonly number: number;
  /** As its newest run has it. */
  readonly model: RunModel;
  readonly label: string;
  /** Oldest first. */
  readonly runs: readonly Run[];
}

/** What is not quantized first, then by bits, most first. */
export function subjectsOf(runs: readonly Run[]): readonly Subject[] {
  const found = new Map<string, { model: RunModel; runs: Run[] }>();
  for (const run of [...runs].sort((a, b) => (a.started < b.started ? -1 : 1))) {
    if (run.model === null) continue;
    const key = subjectKey(run.model);
    const known = found.get(key);
    if (known === undefined) found.set(key, { model: run.model, runs: [run] });
    else {
      known.model = run.model;
      known.runs.push(run);
    }
  }
  return [...found]
    .map(([key, { model, runs: own }]) => ({ key, model, runs: own }))
    .sort((a, b) => rank(a.model) - rank(b.model) || b.model.bitsPerWeight - a.model.bitsPerWeight || (labelOf(a.model) < labelOf(b.model) ? -1 : 1))
    .map((subject, at) => ({ ...subject, number: at + 1, label: labelOf(subject.model) }));
}

export function subjectKey(model: RunModel): string {
  return `${model.fingerprint} ${model.kvCache}`;
}

function rank(model: RunModel): number {
  return model.method === null ? 0 : 1;
}

function labelOf(model: RunModel): string {
  return model.kvCache === 'f32' ? model.name : `${model.name}, KV ${model.kvCache}`;
}
