import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadBinding } from '../../jobs/binding.ts';
import { loadModel } from '../../model/load.ts';
import { encodePair } from './encode.ts';
import { planTasks } from './plan.ts';
import { runTask } from './run.ts';

const quill = fileURLToPath(new URL('../../../../models/quill-16m', import.meta.url));
const binding = await loadBinding();
const model = await loadModel(quill, { binding });
const tokenizer = await model.tokenizer();

const questions = ['What is a scale?', 'What does a zero point do? ', 'Name a codec.', 'What is group_size?', 'Who are you?'];
const choices = ['A number that codes are multiplied with.', 'x', 'The integer that stands for zero', 'int4', 'a scale'];
const lines = questions.map((query, gold) => JSON.stringify({ query, choices: choices.slice(0, 2 + (gold % 4)), gold: gold % 2 })).join('\n');

async function file(t: TestContext, content: string): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'quantwright-tasks-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'task.jsonl'), content);
  return { folder, path: join(folder, 'task.jsonl') };
}

/** One forward pass for every choice, logits of every row, f64: what the definition says. */
async function simply(context: string, continuation: string, bos = false): Promise<number> {
  const { contextLength, directory } = model;
  const ids = encodePair({ tokenizer, contextLength, bos, directory }, 'text', { context, continuation });
  const all = Int32Array.from([...ids.context, ...ids.continuation]);
  const logits = await model.program.run(model.createSession(all.length), all.subarray(0, -1), 'all');
  const width = logits.length / (all.length - 1);
  let sum = 0;
  for (let at = ids.context.length; at < all.length; at++) {
    const row = logits.subarray((at - 1) * width, at * width);
    const top = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    sum += (row[all[at] ?? 0] ?? Number.NaN) - top - Math.log(row.reduce((total, value) => total + Math.exp(value - top), 0));
  }
  return sum;
}

test('items side by side, with shared beginnings, get what each choice gets alone', async (t) => {
  const { path } = await file(t, lines);
  const [plan] = await planTasks([{ name: 'mine', path }], { fewShot: 2 });
  assert.ok(plan !== undefined);
  const { items } = await runTask(model, plan, { at: 0, of: 1 }, { bos: false, journal: null, batch: 3 });
  let worst = 0;
  for (const { prompt, logLikelihoods, index } of items) {
    assert.ok(prompt.endsWith(questions[index] ?? '?') && prompt.split('\n\n').length === 3);
    for (const [at, value] of logLikelihoods.entries()) worst = Math.max(worst, Math.abs(value - (await simply(prompt, choices[at] ?? ''))));
  }
  console.log(`worst difference ${worst} nats`);
  assert.ok(worst < 5e-4);
});

test('a last word that is the likeliest one is told from others', async (t) => {
  const greedy = await file(
    t,
    [
      ['What is a zero', 'point'],
      ['What is a zero', 'banana'],
    ]
      .map(([context, continuation]) => JSON.stringify({ context, continuation }))
      .join('\n'),
  );
  const [plan] = await planTasks([{ name: 'lambada', path: greedy.path }], {});
  assert.ok(plan !== undefined);
  const { result, items } = await runTask(model, plan, { at: 0, of: 1 }, { bos: false, journal: null });
  assert.deepEqual(
    items.map(({ correct }) => correct),
    [true, false],
  );
  assert.deepEqual(
    result.metrics.map(({ name }) => name),
    ['acc', 'perplexity'],
  );
  assert.equal(result.metrics[0]?.value, 0.5);
});

test('a run that was ended early goes on where it was, and gives what an uninterrupted one gives', async (t) => {
  const { folder, path } = await file(t, lines);
  const [plan] = await planTasks([{ name: 'mine', path }], {});
  assert.ok(plan !== undefined);
  const journal = { folder, fingerprint: 'quill', fresh: false };
  const abort = new AbortController();
  const stopped = runTask(
    model,
    plan,
    { at: 0, of: 1 },
    {
      bos: false,
      journal,
      batch: 1,
      signal: abort.signal,
      onProgress: ({ itemsDone }) => {
        if (itemsDone === 2) abort.abort(new Error('enough'));
      },
    },
  );
  await assert.rejects(stopped, /enough/);
  const whole = await runTask(model, plan, { at: 0, of: 1 }, { bos: false, journal: null, batch: 1 });
  const resumed = await runTask(model, plan, { at: 0, of: 1 }, { bos: false, journal, batch: 1 });
  assert.equal(resumed.resumed, 2);
  assert.deepEqual(resumed.items, whole.items);
  assert.deepEqual(resumed.result.metrics, whole.result.metrics);
  await resumed.forget();
  assert.deepEqual(await readdir(folder), ['task.jsonl']);
});

test('plans that cannot be run are refused before a model is loaded', async (t) => {
  const { path } = await file(t, lines);
  const chat = await file(t, '{"question":"Why?","choices":["a","b"],"answer":1}');
  await assert.rejects(planTasks([{ name: 'mine', path }], { fewShot: 5 }), /5 few-shot examples are asked for and 4 are there/);
  await assert.rejects(
    planTasks(
      [
        { name: 'mine', path },
        { name: 'mine', path },
      ],
      {},
    ),
    /mine is there twice/,
  );
  await assert.rejects(planTasks([{ name: 'qa', path: chat.path }], { fewShot: 1 }), /questions for a chat have no few-shot examples/);
  await assert.rejects(planTasks([{ name: 'mine', path, examples: path }], {}), /no few-shot examples are asked for/);
});

test('a packed cache of keys and values is what the choices see', async (t) => {
  const { path } = await file(t, lines);
  const [plan] = await planTasks([{ name: 'mine', path }], {});
  assert.ok(plan !== undefined);
  const place = { at: 0, of: 1 };
  const plain = await runTask(model, plan, place, { bos: false, journal: null });
  const packed = await runTask(model, plan, place, { bos: false, journal: null, cache: { spec: { kind: 'token', bits: 8 }, label: 'int8' } });
  const differences = plain.items.flatMap(({ logLikelihoods }, at) =>
    logLikelihoods.map((value, choice) => Math.abs(value - (packed.items[at]?.logLikelihoods[choice] ?? Number.NaN))),
  );
  const worst = Math.max(...differences);
  assert.ok(worst > 1e-3 && worst < 2, `${worst} nats`);
});
