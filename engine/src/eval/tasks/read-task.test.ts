import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { parseCsv } from './csv.ts';
import type { LikelihoodTask } from './item.ts';
import { readTask } from './read-task.ts';

const schemaFile = fileURLToPath(new URL('../../../../schemas/tasks/schema.json', import.meta.url));

async function taskOf(t: TestContext, name: string, content: string, file = 'task.jsonl'): Promise<LikelihoodTask> {
  const folder = await mkdtemp(join(tmpdir(), 'quantwright-task-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, file), content);
  return readTask(name, join(folder, file));
}

test('a layout is told by its keys, and the name of the task decides what ends a question', async (t) => {
  const piqa = await taskOf(t, 'piqa', '{"query":"Question: How?\\n","choices":["so","not so"],"gold":1}\n');
  assert.deepEqual(piqa.items[0]?.pairs, [
    { context: 'Question: How?\nAnswer:', continuation: 'so' },
    { context: 'Question: How?\nAnswer:', continuation: 'not so' },
  ]);
  assert.deepEqual(piqa.metrics, ['acc_norm', 'acc', 'acc_bytes']);
  const own = await taskOf(t, 'mine', '{"query":"How?","choices":["so","not so"],"gold":1,"id":7}\n\n');
  assert.equal(own.items[0]?.pairs[0]?.context, 'How?');
  assert.deepEqual(own.metrics, ['acc', 'acc_norm', 'acc_bytes']);
  const wsc = await taskOf(t, 'wsc', '{"context_options":["Ann","Bob"],"continuation":"left.","gold":0}');
  assert.deepEqual(wsc.items[0]?.pairs, [
    { context: 'Ann', continuation: 'left.' },
    { context: 'Bob', continuation: 'left.' },
  ]);
  assert.deepEqual(wsc.metrics, ['acc']);
  const mmlu = await taskOf(t, 'mmlu', '{"subject":"high_school_physics","question":" Why? ","choices":["a","b"],"answer":1}');
  assert.equal(mmlu.items[0]?.preamble, 'The following are multiple choice questions (with answers) about high school physics.\n\n');
  assert.deepEqual(mmlu.items[0]?.pairs[1], { context: 'Why?\nA. a\nB. b\nAnswer:', continuation: 'B' });
  const chat = await taskOf(t, 'qa', '{"question":"Why?","choices":["a","b"],"answer":1}');
  assert.equal(chat.items[0]?.kind, 'chat');
  const lambada = await taskOf(t, 'lambada', '{"context":"It was","continuation":"so"}');
  assert.deepEqual([lambada.greedy, lambada.metrics], [true, ['acc', 'perplexity']]);
});

test('TruthfulQA is a table of true and false answers', async (t) => {
  const csv = '\ufeffType,Question,Best Answer,Correct Answers,Incorrect Answers\r\nx,"Is it, ""really""?",Yes,No; Yes ;,Maybe\r\n';
  const task = await taskOf(t, 'truthfulqa', csv, 'truthfulqa.csv');
  const [item] = task.items;
  assert.deepEqual(
    item?.pairs.map(({ continuation }) => continuation),
    ['No', 'Yes', 'Maybe'],
  );
  assert.deepEqual([item?.pairs[0]?.context, item?.gold, item?.truths], ['Q: Is it, "really"?\nA:', 1, [true, true, false]]);
  assert.deepEqual(task.metrics, ['mc1', 'mc2']);
});

for (const [what, content, message, file] of [
  ['text that is no JSON', '{"query":"a","choices":["a","b"],"gold":0}\n{"query":', /task\.jsonl:2: not valid JSON/, undefined],
  ['a list', '[1]', /task\.jsonl:1: must hold one JSON object/, undefined],
  ['unknown keys', '{"prompt":"a"}', /task\.jsonl:1: its keys \(prompt\) are no layout .* query, choices, gold/, undefined],
  ['another layout', '{"query":"a","choices":["a","b"],"gold":0}\n{"ctx":"a","endings":["a","b"],"label":0}', /:2: there is no "query"/, undefined],
  ['a choice that is not there', '{"query":"a","choices":["a","b"],"gold":2}', /:1: "gold" is 2; .* from 0 to 1/, undefined],
  ['one choice', '{"query":"a","choices":["a"],"gold":0}', /:1: "choices" is .* a list of 2 to/, undefined],
  ['an empty choice', '{"query":"a","choices":["a",""],"gold":0}', /:1: entry 1 of "choices"/, undefined],
  ['no lines', '\n', /task\.jsonl has no items/, undefined],
  ['a packed file', 'BZh9', /task\.bz2 is compressed; unpack it first: bunzip2 --keep/, 'task.bz2'],
  ['a table without the columns', 'a,b\n1,2\n', /task\.csv:2: there is no column "Question"/, 'task.csv'],
  ['a quote that does not end', 'a,b\n1,"2\n3\n', /task\.csv:2: the quoted text that begins here does not end/, 'task.csv'],
] as const)
  test(`${what} is refused with the file, the line and what is expected`, async (t) => {
    await assert.rejects(taskOf(t, 'mine', content, file), message);
  });

test('a table is read as it was written, whatever its fields hold', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'ü') });
  const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(rows, (written) => {
      const text = written.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')).join('\r\n');
      const { rows: read, openFrom } = parseCsv(text);
      assert.equal(openFrom, null);
      assert.deepEqual(
        read.map(({ fields }) => fields),
        written,
      );
    }),
  );
});

test('the published schema allows the lines that are read, and no others', async (t) => {
  const validate = new Ajv({ strict: true, strictRequired: false }).compile(JSON.parse(await readFile(schemaFile, 'utf8')) as object);
  const text = fc.oneof({ weight: 6, arbitrary: fc.constant('a') }, fc.constant(''), fc.constant(7));
  const list = fc.oneof({ weight: 6, arbitrary: fc.array(text, { maxLength: 4 }) }, fc.constant('a'));
  // The schema cannot say that it must be less than the number of choices: of 2 at least, 0 and 1 always are.
  const right = fc.constantFrom(0, 1, -1, 0.5, '1');
  const line = fc.record(
    {
      query: text,
      choices: list,
      gold: right,
      ctx: text,
      endings: list,
      label: right,
      subject: text,
      question: text,
      answer: right,
      context_options: list,
      context: text,
      continuation: text,
    },
    { requiredKeys: [] },
  );
  const known = fc.constantFrom<readonly string[]>(
    ['query', 'choices', 'gold'],
    ['ctx', 'endings', 'label'],
    ['context_options', 'continuation', 'gold'],
    ['subject', 'question', 'choices', 'answer'],
    ['question', 'choices', 'answer'],
    ['context', 'continuation'],
    ['query', 'gold'],
  );
  let read = 0;
  await fc.assert(
    fc.asyncProperty(line, known, async (all, keys) => {
      const picked = Object.fromEntries(Object.entries(all).filter(([key]) => keys.includes(key)));
      const taken = await taskOf(t, 'mine', JSON.stringify(picked)).then(
        () => true,
        () => false,
      );
      read += taken ? 1 : 0;
      assert.equal(validate(picked), taken, JSON.stringify(picked));
    }),
    { numRuns: 400 },
  );
  console.log(`${read} of 400 lines were read`);
  assert.ok(read > 20);
});
