// Chat and perplexity over stdio: streaming, cache reuse, cancel, unload, and two requests for one model.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ChatDelta,
  type ChatParams,
  type ChatResult,
  chat,
  chatDelta,
  type PerplexityProgress,
  perplexity,
  perplexityProgress,
  unload,
} from '@quantwright/schemas/rpc/engine';
import { CancellationTokenSource } from 'vscode-jsonrpc';
import { quill, quillText, startEngine } from '../support/engine-process.ts';

const question = { role: 'user' as const, content: 'What is quantization?' };

test('an answer streams in pieces that make up its text, and the next turn reuses the cache', async (t) => {
  const { connection } = await startEngine(t);
  const deltas: ChatDelta[] = [];
  connection.onProgress(chatDelta, 'turn', (delta) => void deltas.push(delta));
  const first = await connection.sendRequest(chat, { modelDir: quill, messages: [question], sampling: { temperature: 0 }, progressToken: 'turn' });
  assert.equal(first.text, 'Quantization stores numbers with fewer bits, so the model needs less memory and moves less data.');
  assert.equal(first.finishReason, 'stop');
  assert.equal(deltas.map((delta) => delta.text).join(''), first.text);
  assert.equal(
    deltas.reduce((sum, delta) => sum + delta.tokens, 0),
    first.tokens,
  );
  const messages = [question, { role: 'assistant' as const, content: first.text }, { role: 'user' as const, content: 'What does group_size mean?' }];
  const second = await connection.sendRequest(chat, { modelDir: quill, messages, sampling: { temperature: 0, maxTokens: 4 } });
  assert.equal(first.cachedTokens, 0);
  assert.ok(second.cachedTokens >= first.promptTokens, `${second.cachedTokens} of ${second.promptTokens} prompt tokens came from the cache`);
});

test('a cancelled turn gives the text so far', async (t) => {
  const { connection } = await startEngine(t);
  const cancel = new CancellationTokenSource();
  let streamed = '';
  connection.onProgress(chatDelta, 'turn', (delta) => {
    streamed += delta.text;
    cancel.cancel();
  });
  const params = { modelDir: quill, messages: [question], sampling: { temperature: 2, seed: 1, maxTokens: 800 }, progressToken: 'turn' };
  const result = await connection.sendRequest(chat, params, cancel.token);
  assert.equal(result.finishReason, 'cancelled');
  assert.ok(result.text.startsWith(streamed) && result.tokens < 800);
});

test('two turns with one model run at the same time, and one that is cancelled leaves the other alone', async (t) => {
  const { connection } = await startEngine(t);
  const begun = new Promise<void>((resolve) => connection.onProgress(chatDelta, 'long', () => resolve()));
  const cancel = new CancellationTokenSource();
  // Every token is about as likely as any other: it ends by its length.
  const wild = { temperature: 50, seed: 1, maxTokens: 800 };
  let ended = false;
  const long = connection.sendRequest(chat, { modelDir: quill, messages: [question], sampling: wild, progressToken: 'long' }, cancel.token).finally(() => {
    ended = true;
  });
  await begun;
  const short = await connection.sendRequest(chat, { modelDir: quill, messages: [question], sampling: { temperature: 0 } });
  assert.equal(short.text, 'Quantization stores numbers with fewer bits, so the model needs less memory and moves less data.');
  assert.equal(ended, false, 'the long answer goes on while the short one is written');
  cancel.cancel();
  assert.equal((await long).finishReason, 'cancelled');
});

test('an answer keeps to a schema, stops at a string, and is the same with and without guesses', async (t) => {
  const { connection } = await startEngine(t);
  const schema = {
    type: 'object',
    properties: { bits: { type: 'integer', minimum: 2, maximum: 8 }, tags: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 4 } },
    required: ['bits', 'tags'],
  };
  const ask = (change: Partial<ChatParams>): Promise<ChatResult> =>
    connection.sendRequest(chat, { modelDir: quill, messages: [question], sampling: { temperature: 1, seed: 4 }, ...change });
  const responseFormat = { type: 'json_schema', schema } as const;
  const plain = await ask({ responseFormat, speculation: { type: 'off' } });
  assert.deepEqual(Object.keys(JSON.parse(plain.text)), ['bits', 'tags']);
  for (const speculation of [{ type: 'lookup' }, { type: 'draft', modelDir: quill }] as const) {
    assert.equal((await ask({ responseFormat, speculation })).text, plain.text);
  }
  assert.equal((await ask({ sampling: { temperature: 0, stop: [' with'] } })).text, 'Quantization stores numbers');
  const refusals: readonly (readonly [Partial<ChatParams>, RegExp])[] = [
    [{ responseFormat: { type: 'json_schema', schema: { type: 'array', uniqueItems: true } } }, /JSON schema, at \/uniqueItems: /],
    [{ sampling: { logitBias: { x: 1 } } }, /logitBias/],
    [{ sampling: { frequencyPenalty: 1000 } }, /frequencyPenalty/],
    [{ sampling: { maxTokens: 0 } }, /maxTokens/],
  ];
  for (const [change, words] of refusals) await assert.rejects(ask(change), words);
});

test('perplexity counts windows up, waits for the chat of the same model, and can be cancelled', async (t) => {
  const { connection } = await startEngine(t);
  const seen: PerplexityProgress[] = [];
  connection.onProgress(perplexityProgress, 'ppl', (progress) => void seen.push(progress));
  const turn = connection.sendRequest(chat, { modelDir: quill, messages: [question], sampling: { temperature: 0 } });
  const result = await connection.sendRequest(perplexity, { modelDir: quill, textPath: quillText, window: 256, maxTokens: 1024, progressToken: 'ppl' });
  assert.deepEqual(
    seen.map((progress) => [progress.windowsDone, progress.windows]),
    [
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ],
  );
  assert.equal(seen.at(-1)?.perplexity, result.perplexity);
  assert.equal(result.predictedTokens, 4 * 255);
  assert.equal((await turn).finishReason, 'stop');
  const cancel = new CancellationTokenSource();
  connection.onProgress(perplexityProgress, 'cancelled', () => cancel.cancel());
  await assert.rejects(connection.sendRequest(perplexity, { modelDir: quill, textPath: quillText, window: 128, progressToken: 'cancelled' }, cancel.token), {
    code: -32800,
  });
});

test('a model can be unloaded, but not under a running job', async (t) => {
  const { connection } = await startEngine(t);
  const streaming = new Promise<void>((resolve) => connection.onProgress(chatDelta, 'turn', () => resolve()));
  const turn = connection.sendRequest(chat, { modelDir: quill, messages: [question], sampling: { temperature: 0 }, progressToken: 'turn' });
  await streaming;
  await assert.rejects(connection.sendRequest(unload, { modelDir: quill }), /in use by a running job/);
  await turn;
  assert.equal(await connection.sendRequest(unload, { modelDir: quill }), null);
  const again = await connection.sendRequest(chat, { modelDir: quill, messages: [question], sampling: { temperature: 0, maxTokens: 2 } });
  assert.equal(again.cachedTokens, 0, 'the cache went with the model');
});
