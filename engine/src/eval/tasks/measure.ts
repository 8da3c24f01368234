// All tasks of a run one after another, and what is kept of them: the run's result, and every item in JSON lines beside the run.
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskSample, TasksResult } from '@quantwright/schemas/runs/results';
import { fileError } from '../../errors.ts';
import type { LoadedModel } from '../../model/load.ts';
import { runGeneration } from '../generation/run-generation.ts';
import { type FinishedTask, type PlannedTask, runTask, type TaskOptions } from './run.ts';

export async function measureTasks(model: LoadedModel, plans: readonly PlannedTask[], options: TaskOptions): Promise<readonly FinishedTask<TaskSample>[]> {
  const finished: FinishedTask<TaskSample>[] = [];
  for (const [at, plan] of plans.entries()) {
    const place = { at, of: plans.length };
    finished.push(await (plan.generation === undefined ? runTask(model, plan, place, options) : runGeneration(model, plan, plan.generation, place, options)));
  }
  return finished;
}

export function tasksResult(finished: readonly FinishedTask<TaskSample>[]): TasksResult {
  return { tasks: finished.map(({ result }) => result) };
}

/** Writes `<run>.items.jsonl` beside the run (atomic) and lets the journals go. Throws kind `io`. */
export async function keepItems(store: string, run: string, finished: readonly FinishedTask<TaskSample>[]): Promise<void> {
  const file = join(store, `${run}.items.jsonl`);
  const partial = join(store, `.${run}.items.partial`);
  const lines = finished.flatMap(({ result, items }) => items.map((item) => `${JSON.stringify({ task: result.task, ...item })}\n`));
  try {
    await writeFile(partial, lines.join(''));
    await rename(partial, file);
  } catch (cause) {
    await rm(partial, { force: true });
    throw fileError('write', file, cause);
  }
  for (const task of finished) await task.forget();
}
