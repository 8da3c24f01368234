// The embedded model as a GGUF file (bf16 as its checkpoint) says what it says from its directory, to the last character.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { convert, type SourceTensor } from '../checkpoint/gguf/testing/convert.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { createModelCache } from '../jobs/model-cache.ts';
import { loadModel } from '../model/load.ts';
import { createChat } from './chat.ts';

const quill = fileURLToPath(new URL('../../../models/quill-16m', import.meta.url));

test('a GGUF file of the embedded model has its logits and gives its answers', async (t) => {
  const binding = await loadBinding();
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-gguf-chat-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const config = JSON.parse(await readFile(join(quill, 'config.json'), 'utf8'));
  const mapped = mapCheckpoint(await openCheckpoint(quill), binding);
  const tensors = new Map<string, SourceTensor>();
  for (const name of mapped.checkpoint.names) tensors.set(name, { shape: mapped.checkpoint.info(name).shape, values: await mapped.floats(name) });
  mapped.close();
  const json = JSON.parse(await readFile(join(quill, 'tokenizer.json'), 'utf8'));
  const { chat_template: template } = JSON.parse(await readFile(join(quill, 'tokenizer_config.json'), 'utf8'));
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(json.model.vocab)) tokens[Number(id)] = token;
  const merges: string[] = json.model.merges.map((pair: string | string[]) => (typeof pair === 'string' ? pair : pair.join(' ')));
  const file = convert(
    'llama',
    config,
    tensors,
    [
      ['tokenizer.ggml.model', 'text', 'gpt2'],
      ['tokenizer.ggml.pre', 'text', 'smollm'],
      ['tokenizer.ggml.tokens', 'texts', tokens],
      ['tokenizer.ggml.token_type', 'i32s', tokens.map((_, id) => (id < 4 ? 3 : 1))],
      ['tokenizer.ggml.merges', 'texts', merges],
      ['tokenizer.ggml.bos_token_id', 'u32', 0],
      ['tokenizer.ggml.eos_token_id', 'u32', 2],
      ['tokenizer.chat_template', 'text', template],
    ],
    // bf16 is the upper half of f32; these values are bf16 already.
    (_, { values }) => ({
      type: 30,
      data: new Uint8Array(Uint16Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length), (bits) => bits >>> 16).buffer),
    }),
  );
  const path = join(directory, 'quill.gguf');
  await writeFile(path, file);
  const wanted = await loadModel(quill, { binding });
  // Through the cache of the engine, under the name of the file.
  const models = createModelCache((named) => loadModel(named, { binding }));
  const got = await models.get(path, new AbortController().signal);
  assert.equal(await models.get(path, new AbortController().signal), got);
  const ids = (await wanted.tokenizer()).encode('What does quantization do to a model of language?', { specialTokens: true });
  assert.deepEqual(await logitsOf(got, ids), await logitsOf(wanted, ids));
  const question = { messages: [{ role: 'user' as const, content: 'What is a group size?' }], sampling: { temperature: 0, maxTokens: 60 } };
  const [answer, expected] = [await (await createChat(got)).turn(question), await (await createChat(wanted)).turn(question)];
  assert.ok(expected.text.length > 20);
  assert.equal(answer.text, expected.text);
});
