// Likelihood tasks against lm-evaluation-harness and a loop of its definitions in transformers (../shared/reference/eval-oracle.md, sections 2 and 3): every
// log-likelihood of every choice, the choice that each rule picks, the counts of tokens, and the scores. Without ../shared these tests say so and are skipped.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodePair } from '@quantwright/engine/eval/tasks/encode';
import type { LikelihoodItem } from '@quantwright/engine/eval/tasks/item';
import { outcomeOf } from '@quantwright/engine/eval/tasks/outcome';
import { planTasks } from '@quantwright/engine/eval/tasks/plan';
import { type FinishedTask, runTask } from '@quantwright/engine/eval/tasks/run';
import { loadBinding } from '@quantwright/engine/jobs/binding';
import { type LoadedModel, loadModel } from '@quantwright/engine/model/load';

const shared = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..', 'shared');
const oracle = join(shared, 'reference', 'oracle', 'multiple_choice.json');
const skip = existsSync(oracle) ? false : '../shared/reference/oracle is absent';
/** Another float32 engine sums in another order: of log-likelihoods, in nats. */
const tolerance = 2e-3;

let loading: Promise<LoadedModel> | null = null;
const model = (): Promise<LoadedModel> => (loading ??= loadBinding().then((binding) => loadModel(join(shared, 'models', 'quill-16m'), { binding })));

interface Choices {
  readonly correct: number;
  readonly correct_norm: number;
  readonly correct_bytes: number;
  readonly items: readonly (readonly [number, number, number, number, readonly number[], readonly (readonly [number, number])[]])[];
}
interface LastWords {
  readonly correct: number;
  readonly ppl: number;
  readonly items: readonly (readonly [number, number, readonly [number, number]])[];
}
const expectedOf = <T>(task: string): T => (JSON.parse(readFileSync(oracle, 'utf8')) as Record<string, T>)[task] ?? assert.fail(`no figures of ${task}`);

async function run(name: string, path: string, limit: number): Promise<{ readonly finished: FinishedTask; readonly items: readonly LikelihoodItem[] }> {
  const [plan = assert.fail()] = await planTasks([{ name, path }], { limit });
  const finished = await runTask(await model(), plan, { at: 0, of: 1 }, { bos: false, journal: null });
  return { finished, items: plan.task.items.slice(0, limit) };
}
const taskFile = (file: string): string => join(shared, 'text', 'tasks', file);
const value = ({ result }: FinishedTask, name: string): number => result.metrics.find((metric) => metric.name === name)?.value ?? assert.fail(name);

for (const [task, file] of [
  ['piqa', 'piqa.jsonl'],
  ['arc_easy', 'arc_easy.jsonl'],
  ['arc_challenge', 'arc_challenge.jsonl'],
  ['hellaswag', 'hellaswag_val_first1000.jsonl'],
  ['winogrande', 'winogrande.jsonl'],
  ['boolq', 'boolq.jsonl'],
  ['openbook_qa', 'openbook_qa.jsonl'],
  ['copa', 'copa.jsonl'],
  ['mmlu', 'mmlu_test_20_per_subject.jsonl'],
] as const) {
  test(`${task}: every log-likelihood, choice and count of tokens is the reference's`, { skip }, async () => {
    const expected = expectedOf<Choices>(task);
    const { finished, items } = await run(task, taskFile(file), expected.items.length);
    const { contextLength, directory } = await model();
    const tokenizer = await (await model()).tokenizer();
    let worst = 0;
    for (const [index, [gold, byLikelihood, byCharacters, byBytes, logLikelihoods, tokens]] of expected.items.entries()) {
      const item = items[index] ?? assert.fail();
      const scored = { logLikelihoods: finished.items[index]?.logLikelihoods ?? [], greedy: [] };
      assert.equal(item.gold, gold, `gold of item ${index}`);
      assert.equal(scored.logLikelihoods.length, logLikelihoods.length);
      for (const [at, reference] of logLikelihoods.entries()) worst = Math.max(worst, Math.abs(reference - (scored.logLikelihoods[at] ?? Number.NaN)));
      const requests = item.pairs.map(({ context, continuation }) =>
        encodePair({ tokenizer, contextLength: Number.MAX_SAFE_INTEGER, bos: false, directory }, 'text', { context: item.preamble + context, continuation }),
      );
      assert.deepEqual(
        requests.map(({ context, continuation }) => [context.length, continuation.length]),
        tokens,
        `tokens of item ${index} (the model's context is ${contextLength})`,
      );
      // Choices may part only where two sums are as near as the tolerance.
      const [first = 0, second = 0] = logLikelihoods.toSorted((a, b) => b - a);
      for (const [metric, choice] of [
        ['acc', byLikelihood],
        ...(task === 'winogrande'
          ? []
          : ([
              ['acc_norm', byCharacters],
              ['acc_bytes', byBytes],
            ] as const)),
      ] as const) {
        const own = outcomeOf(item, scored, metric).choice;
        assert.ok(own === choice || (metric === 'acc' && first - second < tolerance), `${metric} of item ${index} picks ${own}, the reference ${choice}`);
        if (own !== choice)
          console.log(`${task} item ${index}: ${metric} picks ${own} and the reference ${choice}, whose sums are ${first - second} nats apart`);
      }
    }
    console.log(`${task}: largest difference of ${expected.items.length} items' log-likelihoods is ${worst.toExponential(2)} nats`);
    assert.ok(worst < tolerance, `${worst} nats`);
    const count = expected.items.length;
    assert.ok(Math.abs(value(finished, 'acc') * count - expected.correct) <= (task === 'piqa' ? 1 : 0) + 1e-9, `acc ${value(finished, 'acc')}`);
    if (task === 'winogrande') return;
    assert.ok(Math.abs(value(finished, 'acc_norm') * count - expected.correct_norm) < 1e-9);
    assert.ok(Math.abs(value(finished, 'acc_bytes') * count - expected.correct_bytes) < 1e-9);
  });
}

test("lambada_openai: likelihoods, likeliest words and perplexity are the reference's", { skip }, async () => {
  const expected = expectedOf<LastWords>('lambada_openai');
  const { finished } = await run('lambada_openai', taskFile('lambada_openai.jsonl'), expected.items.length);
  let worst = 0;
  for (const [index, [logLikelihood, likeliest]] of expected.items.entries()) {
    const item = finished.items[index] ?? assert.fail();
    worst = Math.max(worst, Math.abs(logLikelihood - (item.logLikelihoods[0] ?? Number.NaN)));
    assert.equal(item.correct, likeliest === 1, `item ${index}`);
  }
  console.log(`lambada_openai: largest difference is ${worst.toExponential(2)} nats`);
  assert.ok(worst < tolerance, `${worst} nats`);
  assert.ok(Math.abs(value(finished, 'perplexity') / expected.ppl - 1) < 1e-4);
  assert.ok(Math.abs(value(finished, 'acc') * expected.items.length - expected.correct) < 1e-9);
});

test("questions for a chat: sums and choices of all 287 held-out questions are the reference's", { skip }, async () => {
  const path = join(shared, 'reference', 'oracle', 'quant_qa.json');
  const { mc_items: expected } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly mc_items: readonly (readonly [number, number, number, number, readonly number[]])[];
  };
  const { finished, items } = await run('quant_qa', join(shared, 'models', 'eval', 'quant_qa_heldout.jsonl'), expected.length);
  let worst = 0;
  for (const [index, [gold, bySum, byBytes, , sums]] of expected.entries()) {
    const item = items[index] ?? assert.fail();
    const scored = { logLikelihoods: finished.items[index]?.logLikelihoods ?? [], greedy: [] };
    for (const [at, sum] of sums.entries()) worst = Math.max(worst, Math.abs(sum - (scored.logLikelihoods[at] ?? Number.NaN)));
    assert.deepEqual([item.gold, outcomeOf(item, scored, 'acc').choice, outcomeOf(item, scored, 'acc_bytes').choice], [gold, bySum, byBytes], `item ${index}`);
  }
  console.log(`quant_qa: largest difference is ${worst.toExponential(2)} nats`);
  assert.ok(worst < tolerance, `${worst} nats`);
  assert.deepEqual([value(finished, 'acc'), value(finished, 'acc_bytes')], [1, 1]);
});
