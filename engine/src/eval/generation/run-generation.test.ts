import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadBinding } from '../../jobs/binding.ts';
import { loadModel } from '../../model/load.ts';
import { keepItems, measureTasks } from '../tasks/measure.ts';
import { planTasks } from '../tasks/plan.ts';

const model = await loadModel(fileURLToPath(new URL('../../../../models/quill-16m', import.meta.url)), { binding: await loadBinding() });

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'quantwright-generation-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const questions = [
  { prompt: 'What is quantization?', answer: 'fewer bits', metric: 'contains', chat: true, max_tokens: 24 },
  { prompt: 'What is a zero point?', answer: 'real value zero', metric: 'contains', chat: true, max_tokens: 24 },
  { prompt: 'What is the capital of France?', answer: 'Paris', metric: 'contains', chat: true, max_tokens: 24 },
  { prompt: 'How many bits does int4 use?', answer: 'ü, which it never says', metric: 'contains', chat: true, max_tokens: 24 },
];

async function plansOf(t: TestContext) {
  const path = join(await folder(t), 'qa.jsonl');
  await writeFile(path, questions.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return planTasks([{ name: 'qa', path }], {});
}

test('answers are greedy and graded, one at a time or several at once alike', async (t) => {
  const plans = await plansOf(t);
  const [one] = await measureTasks(model, plans, { bos: false, batch: 1, journal: null });
  const [several] = await measureTasks(model, plans, { bos: false, batch: 4, journal: null });
  assert.deepEqual(
    one?.items.map(({ correct }) => correct),
    [true, true, false, false],
  );
  assert.match(one?.items[0]?.answer ?? '', /^Quantization stores numbers with fewer bits/);
  assert.deepEqual(several?.items, one?.items);
  const metric = one?.result.metrics[0];
  assert.deepEqual([metric?.name, metric?.value], ['contains', 0.5]);
  assert.ok((metric?.low ?? 1) < 0.5 && (metric?.high ?? 0) > 0.5);
});

test('a run that was ended goes on with the answers that it has', async (t) => {
  const plans = await plansOf(t);
  const store = await folder(t);
  const journal = { folder: store, fingerprint: 'quill', fresh: false };
  const controller = new AbortController();
  const ended = measureTasks(model, plans, {
    bos: false,
    batch: 1,
    journal,
    signal: controller.signal,
    onProgress: ({ itemsDone }) => {
      if (itemsDone === 2) controller.abort();
    },
  });
  await assert.rejects(ended, { name: 'AbortError' });
  const finished = await measureTasks(model, plans, { bos: false, batch: 1, journal });
  assert.equal(finished[0]?.resumed, 2);
  const [whole] = await measureTasks(model, plans, { bos: false, batch: 1, journal: null });
  assert.deepEqual(finished[0]?.items, whole?.items);
  await keepItems(store, 'a-run', finished);
  assert.deepEqual(await readdir(store), ['a-run.items.jsonl']);
});

test('a prompt that leaves no room loses its beginning, and a chat is refused', async (t) => {
  const long = 'word '.repeat(1100);
  const path = join(await folder(t), 'long.jsonl');
  await writeFile(path, JSON.stringify({ prompt: `${long}\nOne two three four`, answer: 'five', max_tokens: 4 }));
  const [finished] = await measureTasks(model, await planTasks([{ name: 'long', path }], {}), { bos: false, journal: null });
  assert.equal(finished?.items.length, 1);
  await writeFile(path, JSON.stringify({ prompt: long, answer: 'five', max_tokens: 4, chat: true }));
  await assert.rejects(measureTasks(model, await planTasks([{ name: 'long', path }], {}), { bos: false, journal: null }), /item 0 has \d+ tokens/);
});
