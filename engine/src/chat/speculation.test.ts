import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ResponseFormat, Sampling } from '@quantwright/schemas/rpc/engine';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { responseConstraints } from '../grammar/response-constraint.ts';
import { loadBinding } from '../jobs/binding.ts';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { createChat } from './chat.ts';
import { createDraftModel } from './draft-model.ts';
import { createGenerator, type Generation } from './generate.ts';
import { promptLookup } from './prompt-lookup.ts';
import { type DraftContext, type DraftPolicy, type DraftSource, draftPolicy } from './speculation.ts';

const quill = fileURLToPath(new URL('../../../models/quill-16m', import.meta.url));
const model = await loadModel(quill, { binding: await loadBinding() });
const tokenizer = await model.tokenizer();
const context = (history: readonly number[], most: number): DraftContext => ({ history, most, drawn: 0, constraint: null, state: 0 });

/** Always so many guesses, whatever they bring. */
const always = (length: number): DraftPolicy => ({ length: () => length, record: () => {} });

interface Written extends Generation {
  readonly ids: readonly number[];
  readonly held: number;
}

async function write(
  prompt: Int32Array,
  options: { sampling: Sampling; drafts?: DraftSource; length?: number; format?: ResponseFormat; on?: LoadedModel },
): Promise<Written> {
  const ids: number[] = [];
  const generator = createGenerator(options.on ?? model, prompt.length + 60);
  const generation = await generator.run(prompt, {
    sampling: options.sampling,
    maxTokens: 45,
    endIds: tokenizer.endIds,
    drafts: options.drafts,
    policy: always(options.length ?? 0),
    constraint: responseConstraints(tokenizer, model.config.shape.vocabSize)(options.format),
    onToken: (id) => {
      ids.push(id);
      return false;
    },
  });
  return { ...generation, ids, held: generator.session.length };
}

const prompts = [
  'What is quantization?',
  'Repeat this JSON config: {"bits": 4, "group_size": 128, "sym": true, "layers": {"bits": 4, "group_size": 128}}',
  'one two three one two three one two three one two',
  'Write a story.',
].map((content) => tokenizer.encode(`<|im_start|>user\n${content}<|im_end|>\n<|im_start|>assistant\n`, { specialTokens: false }));
const samplings: readonly Sampling[] = [
  {},
  { temperature: 1, seed: 5 },
  { temperature: 1.3, topP: 0.9, seed: 8, repetitionPenalty: 1.1, frequencyPenalty: 0.2 },
  { temperature: 0.7, topK: 5, seed: 2 },
];

test('guesses from the conversation or from a model change no token, greedy or sampled, however many there are', async () => {
  const draft = await createDraftModel(model, model, 1000);
  let [drafted, accepted] = [0, 0];
  for (const prompt of prompts) {
    for (const sampling of samplings) {
      const plain = await write(prompt, { sampling });
      for (const length of [1, 2, 4, 7]) {
        for (const drafts of [promptLookup(), draft.source(sampling)]) {
          const guessed = await write(prompt, { sampling, drafts, length });
          assert.deepEqual(guessed.ids, plain.ids);
          assert.deepEqual([guessed.finishReason, guessed.tokens, guessed.held], [plain.finishReason, plain.tokens, plain.held]);
          drafted += guessed.drafted;
          accepted += guessed.accepted;
        }
      }
    }
  }
  console.log(`${accepted} of ${drafted} guesses were right`);
  assert.ok(accepted > drafted / 2);
});

test('a draft model with the same probabilities always guesses right, because it draws with the same random numbers', async () => {
  const draft = await createDraftModel(model, model, 1000);
  for (const sampling of [{}, { temperature: 1, seed: 3 }, { temperature: 1.5, topP: 0.8, seed: 4 }]) {
    const { drafted, accepted, tokens } = await write(prompts[3] ?? new Int32Array(), { sampling, drafts: draft.source(sampling), length: 4 });
    assert.ok(drafted > tokens / 2);
    assert.equal(accepted, drafted);
  }
});

test('wrong guesses change nothing either', async () => {
  const nonsense: DraftSource = { propose: ({ history, most }) => Array.from({ length: most }, (_, index) => (history.length * 31 + index * 7) % 4000) };
  const prompt = prompts[0] ?? new Int32Array();
  for (const sampling of samplings) {
    assert.deepEqual((await write(prompt, { sampling, drafts: nonsense, length: 5 })).ids, (await write(prompt, { sampling })).ids);
  }
});

test('guesses stay inside a grammar', async () => {
  const format: ResponseFormat = { type: 'json_schema', schema: { type: 'array', items: { enum: ['alpha', 'beta'] }, minItems: 4, maxItems: 6 } };
  const draft = await createDraftModel(model, model, 1000);
  for (const seed of [1, 2, 3]) {
    const sampling = { temperature: 1, seed };
    const plain = await write(prompts[0] ?? new Int32Array(), { sampling, format });
    assert.equal(plain.finishReason, 'stop');
    for (const drafts of [promptLookup(), draft.source(sampling)]) {
      assert.deepEqual((await write(prompts[0] ?? new Int32Array(), { sampling, format, drafts, length: 7 })).ids, plain.ids);
    }
  }
});

test('answers of a conversation are the same with and without guesses, also when a stop string ends them early', async () => {
  const messages = [{ role: 'user', content: 'What is quantization?' }] as const;
  const [plain, guessing] = [await createChat(model), await createChat(model)];
  for (const sampling of [{}, { stop: ['fewer bits'] }, { maxTokens: 5 }]) {
    const wanted = await plain.turn({ messages, sampling, speculation: { type: 'off' } });
    const result = await guessing.turn({ messages, sampling, speculation: { type: 'draft', model } });
    assert.deepEqual([result.text, result.tokens, result.finishReason], [wanted.text, wanted.tokens, wanted.finishReason]);
    assert.ok(result.acceptedTokens <= result.draftedTokens);
    assert.equal(wanted.draftedTokens, 0);
  }
});

test('a draft model with other tokens is refused', async () => {
  const other: LoadedModel = {
    ...model,
    directory: 'other',
    tokenizer: async () => ({ ...tokenizer, bytesOf: (id) => (id === 300 ? Uint8Array.of(1, 2) : tokenizer.bytesOf(id)) }),
  };
  await assert.rejects(
    createDraftModel(other, model, 100),
    (error) => error instanceof EngineError && error.kind === 'input' && /token 300 /.test(error.message),
  );
});

test('a lookup gives what followed the last occurrence of the longest end that occurred', () => {
  const lookup = promptLookup();
  assert.deepEqual(lookup.propose(context([1, 2, 3, 4, 5, 1, 2, 3], 3)), [4, 5, 1]);
  assert.deepEqual(lookup.propose(context([1, 2, 3, 4, 5, 1, 2, 3, 9], 3)), []);
  assert.deepEqual(lookup.propose(context([1, 2, 3, 4, 5, 1, 2, 3, 9, 7, 2, 3], 2)), [9, 7]);
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (history, most) => {
      const source = promptLookup();
      for (let length = 0; length < history.length; length++) void source.propose(context(history.slice(0, length), most));
      const found = [4, 3, 2].flatMap((length) => {
        const end = history.slice(history.length - length).join();
        const places = history.map((_, at) => at).filter((at) => at >= length && history.slice(at - length, at).join() === end);
        const last = places.at(-1);
        return history.length > length && last !== undefined ? [history.slice(last, last + most)] : [];
      });
      assert.deepEqual(source.propose(context(history, most)), found[0] ?? []);
    }),
  );
});

test('guessing rests while it does not pay, and grows while it does', () => {
  const bad = draftPolicy();
  assert.equal(bad.length(), 0, 'a step without guesses is measured first');
  bad.record(0, 0, 1);
  assert.equal(bad.length(), 4);
  let steps = 0;
  for (; bad.length() > 0; steps++) bad.record(bad.length(), 0, 1.5);
  assert.equal(steps, 4);
  for (let rest = 0; rest < 16; rest++) {
    assert.equal(bad.length(), 0);
    bad.record(0, 0, 1);
  }
  assert.equal(bad.length(), 4);
  const good = draftPolicy();
  good.record(0, 0, 1);
  for (let step = 0; step < 50; step++) good.record(good.length(), good.length(), 1.5);
  assert.equal(good.length(), 7);
});

test('a new turn computes only what is new, and logits only of the last token', async () => {
  const asked: { readonly tokens: number; readonly logits: number }[] = [];
  const forward: LoadedModel['forward'] = Object.assign(
    (...[session, input, rows]: Parameters<LoadedModel['forward']>) => {
      asked.push({ tokens: input.length, logits: rows === 'all' ? input.length : rows === 'last' ? 1 : 0 });
      return model.forward(session, input, rows);
    },
    {
      step: (...[session, input, drafted, sampler, masks]: Parameters<LoadedModel['forward']['step']>) => {
        asked.push({ tokens: input.length, logits: drafted + 1 });
        return model.forward.step(session, input, drafted, sampler, masks);
      },
    },
  );
  const generator = createGenerator({ ...model, forward }, 900);
  const run = async (prompt: Int32Array, maxTokens: number): Promise<{ readonly tokens: number; readonly logits: number; readonly cached: number }> => {
    asked.length = 0;
    const { cachedTokens } = await generator.run(prompt, { sampling: {}, maxTokens, endIds: new Set(), onToken: () => false });
    const sum = (key: 'tokens' | 'logits'): number => asked.reduce((total, request) => total + request[key], 0);
    return { tokens: sum('tokens'), logits: sum('logits'), cached: cachedTokens };
  };
  const prompt = Int32Array.from({ length: 600 }, (_, index) => 300 + ((index * 37) % 3000));
  assert.deepEqual(await run(prompt, 1), { tokens: 600, logits: 1, cached: 0 });
  const longer = Int32Array.of(...prompt, 400, 401, 402);
  assert.deepEqual(await run(longer, 1), { tokens: 3, logits: 1, cached: 600 });
  // An edit near the end: everything before it stays.
  const edited = longer.slice();
  edited[598] = 5;
  assert.deepEqual(await run(edited, 1), { tokens: 5, logits: 1, cached: 598 });
  assert.deepEqual(await run(edited, 4), { tokens: 1 + 3, logits: 4, cached: 602 });
});
