// What is asked of `eval tasks`, read and checked before a model is loaded.
import { EngineError } from '../../errors.ts';
import { readGenerationTask } from '../generation/read-generation.ts';
import type { FewShot } from './few-shot.ts';
import type { LikelihoodTask } from './item.ts';
import { readTask } from './read-task.ts';
import { checkPlan, type PlannedTask } from './run.ts';

export interface WantedTask {
  readonly name: string;
  readonly path: string;
  /** File whose first items are the few-shot examples, instead of other items of `path`. */
  readonly examples?: string | undefined;
}

export interface TaskChoices {
  readonly limit?: number | undefined;
  readonly fewShot?: number | undefined;
  readonly seed?: number | undefined;
}

/** The harness's, for whoever compares. Its generator is another, so its examples are too. */
const defaultSeed = 1234;

/** Throws kind `input` for what cannot be run: file, line and what to do. */
export async function planTasks(wanted: readonly WantedTask[], { limit, fewShot = 0, seed = defaultSeed }: TaskChoices): Promise<readonly PlannedTask[]> {
  const twice = wanted.find(({ name }, at) => wanted.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined) throw new EngineError('input', `the task ${twice.name} is there twice; give each a name of its own`);
  const plans: PlannedTask[] = [];
  for (const { name, path, examples } of wanted) {
    const generation = await readGenerationTask(name, path);
    const questions = async (file: string): Promise<LikelihoodTask> =>
      (generation === null ? null : await readGenerationTask(name, file))?.questions ?? readTask(name, file);
    const from: FewShot['from'] = examples === undefined ? 'sampled' : { first: await questions(examples) };
    if (examples !== undefined && fewShot === 0)
      throw new EngineError('input', `examples of ${name} are given, but no few-shot examples are asked for; say how many`);
    const fewShots: FewShot = { count: fewShot, seed, from };
    const plan: PlannedTask =
      generation === null
        ? { task: await readTask(name, path), limit: limit ?? null, fewShot: fewShots }
        : { task: generation.questions, limit: limit ?? null, fewShot: fewShots, generation };
    checkPlan(plan);
    plans.push(plan);
  }
  return plans;
}
