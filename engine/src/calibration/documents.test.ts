import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { EngineError } from '../errors.ts';
import { loadTokenizer } from '../text/tokenizer.ts';
import { builtInDocuments, parseConversations } from './built-in.ts';
import { encodeDocuments, parseJsonLines } from './documents.ts';

const quill = join(import.meta.dirname, '..', '..', '..', 'models', 'quill-16m');

test('a line has text, or messages; empty lines are passed over', () => {
  const lines = ['{"text": "one", "id": 3}', '', '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\r', ' '];
  assert.deepEqual(parseJsonLines(lines.join('\n'), 'a.jsonl'), [
    { text: 'one' },
    {
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
    },
  ]);
});

const wrongs: readonly [string, string, RegExp][] = [
  ['no JSON', '{"text": "a"}\n{"text": ', /^a\.jsonl:2: not valid JSON/],
  ['other keys', '{"prompt": "a", "answer": "b"}', /^a\.jsonl:1: an object with prompt, answer; a line needs "text" .* or "messages"/],
  ['no object', '[1]', /^a\.jsonl:1: no object/],
  ['another role', '{"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}]}', /^a\.jsonl:1: message 2 must be/],
  ['nothing', '\n \n', /^a\.jsonl has no documents/],
];
for (const [what, text, words] of wrongs) {
  test(`a file with ${what} is refused by its line`, () => {
    assert.throws(
      () => parseJsonLines(text, 'a.jsonl'),
      (error) => error instanceof EngineError && error.kind === 'input' && words.test(error.message),
    );
  });
}

test("messages are read through the model's chat template, without a turn to answer", async () => {
  const tokenizer = await loadTokenizer(quill);
  const ids = encodeDocuments([{ messages: [{ role: 'user', content: 'Hello' }] }, { text: 'World' }], tokenizer, quill);
  const text = tokenizer.encode('<|im_start|>user\nHello<|im_end|>\n', { specialTokens: false });
  assert.deepEqual([...ids], [...text, ...tokenizer.encode('World', { specialTokens: true })]);
});

test('the built-in text has conversations enough for the default settings of a small model', async () => {
  const documents = await builtInDocuments();
  assert.ok(documents.length > 500);
  assert.ok(documents.every((document) => 'messages' in document && document.messages.at(-1)?.role === 'assistant'));
  const ids = encodeDocuments(documents, await loadTokenizer(quill), quill);
  assert.ok(ids.length > 64 * 512, `${ids.length} tokens`);
});

test('a conversation begins with its question', () => {
  assert.deepEqual(parseConversations('<|im_start|>user\na\nb<|im_end|>\n<|im_start|>assistant\nc<|im_end|>\n<|im_start|>user\nd<|im_end|>'), [
    {
      messages: [
        { role: 'user', content: 'a\nb' },
        { role: 'assistant', content: 'c' },
      ],
    },
    { messages: [{ role: 'user', content: 'd' }] },
  ]);
});
