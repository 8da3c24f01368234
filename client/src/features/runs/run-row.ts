// A run -> its line in the list: of what, and its first numbers as the report writes them. Pure.
import { metricsOf } from '@quantwright/schemas/report/metrics';
import { subjectsOf } from '@quantwright/schemas/report/subjects';
import type { RunRow } from '@quantwright/schemas/rpc/runs-view';
import type { Run } from '@quantwright/schemas/runs/run';

const figuresShown = 3;

export function runRow(run: Run, file: string): RunRow {
  const { kind, started, seconds, sweep, command, model, machine } = run;
  return {
    file,
    kind,
    started,
    seconds,
    name: model?.name ?? machine.cpu,
    detail: model === null ? `${machine.level}, ${machine.threads} threads` : `${model.method ?? 'not quantized'}, ${model.kvCache} cache`,
    found: foundWords(run),
    command: ['quantwright', ...command].map(quoted).join(' '),
    sweep: sweep ?? null,
  };
}

function foundWords(run: Run): string {
  if (run.kind === 'stats') return `${run.result.tensors.length} modules`;
  if (run.kind === 'kernels') return `${run.result.rows.length} products`;
  const subjects = subjectsOf([run]);
  const { metrics, value } = metricsOf(subjects);
  const figures = subjects.flatMap((subject) =>
    metrics.flatMap((metric) => {
      const found = metric.quality ? value(subject, metric) : undefined;
      return found === undefined ? [] : [`${metric.title} ${metric.text(found)}`];
    }),
  );
  const more = figures.length - figuresShown;
  return [...figures.slice(0, figuresShown), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
