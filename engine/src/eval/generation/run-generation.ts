// Runs a task whose answers are generated: prompts with their few-shot examples, greedy answers, metrics. Answers of an earlier, killed run come from its journal.
import { join } from 'node:path';
import type { TaskSample } from '@quantwright/schemas/runs/results';
import { EngineError } from '../../errors.ts';
import type { LoadedModel } from '../../model/load.ts';
import { encodePrompt } from '../../text/prompt.ts';
import { version } from '../../version.ts';
import { promptsOf } from '../tasks/few-shot.ts';
import { journalKey, openItemJournal, removeJournal } from '../tasks/journal.ts';
import type { FinishedTask, PlannedTask, TaskOptions } from '../tasks/run.ts';
import { summarize } from '../tasks/summary.ts';
import { type Answer, answerAll, type Question } from './answers.ts';
import { isRight } from './grade.ts';
import type { GenerationMetric } from './item.ts';
import type { ReadGeneration } from './read-generation.ts';

const sampleCount = 8;

/** As runTask. `generation`: of the plan. */
export async function runGeneration(
  model: LoadedModel,
  planned: PlannedTask,
  generation: ReadGeneration,
  place: { readonly at: number; readonly of: number },
  options: TaskOptions,
): Promise<FinishedTask<TaskSample>> {
  const started = performance.now();
  const { task, limit } = planned;
  const items = generation.items.slice(0, limit ?? generation.items.length);
  const asked = await questionsOf(model, planned, generation, items.length, options.bos);
  const file = options.journal === null ? null : journalFile(planned, options, options.journal);
  const journal = file === null ? null : await openItemJournal(file.path, file.key, options.journal?.fresh ?? true, answerOf);
  const answers: Answer[] = [];
  const [metric = 'exact_match'] = generation.metrics;
  const right = (index: number, name: GenerationMetric): boolean => isRight(name, generation.grading, answers[index]?.text ?? '', items[index]?.expected ?? []);
  let count = 0;
  let correct = 0;
  const take = (index: number, answer: Answer): void => {
    answers[index] = answer;
    count++;
    if (right(index, metric)) correct++;
    options.onProgress?.({
      task: task.name,
      taskAt: place.at,
      tasks: place.of,
      itemsDone: count,
      items: items.length,
      metric,
      value: correct / count,
      seconds: (performance.now() - started) / 1000,
    });
  };
  try {
    for (const [index, answer] of journal?.known ?? []) if (index < items.length && answers[index] === undefined) take(index, answer);
    const resumed = count;
    const left = items.map((_, index) => index).filter((index) => answers[index] === undefined);
    await answerAll(
      model,
      left.map((index) => (asked[index] as Asked).question),
      { ...(options.batch === undefined ? {} : { batch: options.batch }), ...(options.signal === undefined ? {} : { signal: options.signal }) },
      async (at, answer) => {
        take(left[at] ?? 0, answer);
        await journal?.add([[left[at] ?? 0, answer]]);
      },
    );
    const results = items.map(
      ({ expected }, index): TaskSample => ({
        index,
        prompt: asked[index]?.text ?? '',
        expected: expected.join(' | '),
        answer: answers[index]?.text ?? '',
        correct: right(index, metric),
      }),
    );
    return {
      result: {
        task: task.name,
        path: task.path,
        items: items.length,
        fewShot: planned.fewShot.count,
        metrics: generation.metrics.map((name) =>
          summarize(
            name,
            items.map((_, index) => (right(index, name) ? 1 : 0)),
          ),
        ),
        samples: results.slice(0, sampleCount),
        seconds: (performance.now() - started) / 1000,
      },
      items: results,
      resumed,
      forget: async () => {
        if (file !== null) await removeJournal(file.path);
      },
    };
  } finally {
    await journal?.close();
  }
}

interface Asked {
  readonly text: string;
  readonly question: Question;
}

/** A prompt that leaves no room for the answer loses its beginning, as in lm-evaluation-harness; a chat would lose its template, so it is refused. */
async function questionsOf(
  model: LoadedModel,
  planned: PlannedTask,
  { items, questions }: ReadGeneration,
  count: number,
  bos: boolean,
): Promise<readonly Asked[]> {
  const tokenizer = await model.tokenizer();
  return questions.items.slice(0, count).map((question, index) => {
    const { maxTokens, stop } = items[index] ?? { maxTokens: 1, stop: [] };
    const [pair] = promptsOf(questions, question, planned.fewShot);
    const text = pair?.context ?? '';
    const ids =
      question.kind === 'chat'
        ? encodePrompt(tokenizer, [{ role: 'user', content: text }], model.directory).ids
        : tokenizer.encode(text, { specialTokens: bos });
    const room = model.contextLength - maxTokens;
    if (ids.length <= room && ids.length > 0) return { text, question: { prompt: ids, maxTokens, stop } };
    const why = `${planned.task.path}: item ${index} has ${ids.length} tokens and may be answered with ${maxTokens}`;
    if (room < 1 || ids.length === 0 || question.kind === 'chat')
      throw new EngineError('input', `${why}; the context of ${model.directory} has ${model.contextLength}`, { file: planned.task.path });
    return { text, question: { prompt: ids.slice(ids.length - room), maxTokens, stop } };
  });
}

function journalFile(
  { task, fewShot }: PlannedTask,
  { bos, cache }: TaskOptions,
  { folder, fingerprint }: { readonly folder: string; readonly fingerprint: string },
): { readonly path: string; readonly key: string } {
  const examples = fewShot.count === 0 ? 'none' : fewShot.from === 'sampled' ? `seed ${fewShot.seed}` : fewShot.from.first.sha256;
  const key = journalKey(['generation', version, fingerprint, task.name, task.sha256, `${fewShot.count}`, examples, `${bos}`, cache?.label ?? 'f32']);
  return { path: join(folder, `.tasks-${key}.jsonl`), key };
}

function answerOf({ text, tokens, ended }: Readonly<Record<string, unknown>>): Answer | null {
  return typeof text === 'string' && typeof tokens === 'number' && typeof ended === 'boolean' ? { text, tokens, ended } : null;
}
