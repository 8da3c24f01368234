import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { EngineError } from '../../errors.ts';
import { planTasks } from '../tasks/plan.ts';
import { readGenerationTask } from './read-generation.ts';

async function file(t: TestContext, lines: readonly object[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quantwright-generation-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'task.jsonl');
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

test('layouts are told by their keys', async (t) => {
  for (const [line, metrics, question, kind] of [
    [{ question: 'How many?', answer: 'two\n#### 2' }, ['exact_match', 'exact_match_flexible'], 'Question: How many?\nAnswer:', 'text'],
    [{ question: 'What is it?', key: 'a scale' }, ['contains'], 'What is it?', 'chat'],
    [{ input: 'Q: 1 + 1\nA:', target: ['2', 'two'] }, ['exact_match'], 'Q: 1 + 1\nA:', 'text'],
    [{ prompt: 'Name it', answer: 'it', metric: 'contains', chat: true, max_tokens: 5 }, ['contains'], 'Name it', 'chat'],
  ] as const) {
    const read = await readGenerationTask('mine', await file(t, [line]));
    assert.deepEqual([read?.metrics, read?.questions.items[0]?.pairs[0]?.context, read?.questions.items[0]?.kind], [metrics, question, kind]);
  }
});

test('a file with choices and keys is generated when the name of the task says so; one with choices alone never', async (t) => {
  const both = await file(t, [{ question: 'Which?', choices: ['a', 'b'], answer: 1, key: 'b' }]);
  assert.equal(await readGenerationTask('quant_qa', both), null);
  assert.notEqual(await readGenerationTask('quant_qa_generate', both), null);
  assert.equal(await readGenerationTask('x_generate', await file(t, [{ query: 'Which?', choices: ['a', 'b'], gold: 1 }])), null);
});

test('what is wrong is told with file and line', async (t) => {
  const good = { prompt: 'p', answer: 'a' };
  for (const [line, words] of [
    [{ prompt: 'p' }, /:2: there is no "answer"/],
    [{ ...good, answer: [] }, /:2: "answer" is \[\]/],
    [{ ...good, metric: 'bleu' }, /:2: "metric" is "bleu"; it must be "exact_match" or "contains"/],
    [{ ...good, max_tokens: 0 }, /:2: "max_tokens" is 0/],
    [{ ...good, chat: 'yes' }, /:2: "chat" is "yes"/],
    [{ ...good, anwser: 'a' }, /:2: "anwser" is no key/],
    [{ ...good, metric: 'contains' }, /:2: its metric is another/],
  ] as const) {
    const path = await file(t, [good, line]);
    await assert.rejects(readGenerationTask('mine', path), (error) => error instanceof EngineError && error.kind === 'input' && words.test(error.message));
  }
});

test('few-shot examples are other items with their solutions, and a chat has none', async (t) => {
  const path = await file(
    t,
    [1, 2, 3].map((n) => ({ question: `${n}?`, answer: `#### ${n}` })),
  );
  const [plan] = await planTasks([{ name: 'gsm8k', path }], { fewShot: 2 });
  assert.ok(plan?.generation !== undefined);
  const chat = await file(
    t,
    [1, 2, 3].map((n) => ({ question: `${n}?`, key: `${n}` })),
  );
  await assert.rejects(planTasks([{ name: 'qa', path: chat }], { fewShot: 1 }), /questions for a chat have no few-shot examples/);
});

test('a line of prompts and answers is read exactly when it fits the schema', async (t) => {
  const schema = fileURLToPath(new URL('../../../../schemas/tasks/generation.schema.json', import.meta.url));
  const validate = new Ajv({ strict: true }).compile(JSON.parse(await readFile(schema, 'utf8')) as object);
  const text = fc.constantFrom<unknown>('a', 'a', '', 7);
  const texts = fc.oneof(text, fc.array(text, { maxLength: 3 }));
  const line = fc.record(
    {
      prompt: text,
      answer: texts,
      metric: fc.constantFrom('exact_match', 'contains', 'bleu'),
      chat: fc.constantFrom<unknown>(true, false, 'yes'),
      stop: texts,
      max_tokens: fc.constantFrom<unknown>(1, 60, 0, 1.5, '5'),
      other: fc.constant(1),
    },
    { requiredKeys: ['prompt', 'answer', 'metric', 'chat', 'stop', 'max_tokens'] },
  );
  await fc.assert(
    fc.asyncProperty(line, async (value) => {
      const read = readGenerationTask('mine', await file(t, [value]));
      if (validate(value)) assert.equal((await read)?.items.length, 1);
      else await assert.rejects(read, EngineError);
    }),
    { numRuns: 60 },
  );
});
