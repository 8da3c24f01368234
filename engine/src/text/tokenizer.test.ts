import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { encodePrompt } from './prompt.ts';
import { tokenBytes } from './token-bytes.ts';
import { loadTokenizer } from './tokenizer.ts';

const quill = fileURLToPath(new URL('../../../models/quill-16m', import.meta.url));
const tokenizer = await loadTokenizer(quill);

test('text becomes ids and comes back', () => {
  const text = 'Quantization of café ☕ and 你好: 2 + 3 = 5.\n\tdone 🤖';
  assert.equal(tokenizer.decode(tokenizer.encode(text, { specialTokens: false })), text);
});

test('any text comes back from its ids, also token by token, and its bytes add up', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      const ids = tokenizer.encode(text, { specialTokens: false });
      const stream = tokenizer.stream();
      let streamed = '';
      let bytes = 0;
      for (const id of ids) {
        const piece = stream.push(id);
        assert.ok(!piece.includes('\ufffd') || text.includes('\ufffd'), 'half a character was shown');
        streamed += piece;
        bytes += tokenizer.bytesOf(id).length;
      }
      assert.equal(streamed + stream.end(), text);
      assert.equal(bytes, Buffer.byteLength(text));
    }),
  );
});

test('special tokens spelled in the text are parsed, add no bytes and end generations', () => {
  const ids = tokenizer.encode('<|im_start|>user', { specialTokens: false });
  assert.equal(ids[0], 1);
  assert.equal(tokenizer.bytesOf(1).length, 0);
  assert.deepEqual([...tokenizer.endIds].sort(), [0, 2]);
});

test('an unfinished character at the end shows as a replacement, never throws', () => {
  const stream = tokenizer.stream();
  const [first] =
    tokenizer.encode('é', { specialTokens: false }).length > 1
      ? tokenizer.encode('é', { specialTokens: false })
      : tokenizer.encode('𓀀', { specialTokens: false });
  assert.equal(stream.push(first ?? 0), '');
  assert.equal(stream.end(), '\ufffd');
});

test('an id outside the vocabulary is an input error', () => {
  assert.throws(
    () => tokenizer.bytesOf(1_000_000),
    (error) => error instanceof EngineError && error.kind === 'input',
  );
});

test('a conversation becomes the prompt that the model was trained on', () => {
  const prompt = encodePrompt(tokenizer, [{ role: 'user', content: 'Hi' }], quill);
  assert.equal(prompt.text, '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n');
  assert.equal(prompt.templated, true);
  assert.equal(prompt.ids[0], 1);
});

test('a SentencePiece token stands for its bytes: a marked space, a byte, a piece', () => {
  const pieces = tokenBytes(
    {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    'f',
  );
  assert.deepEqual(pieces.of('▁the'), new TextEncoder().encode(' the'));
  assert.deepEqual(pieces.of('<0x0A>'), Uint8Array.of(10));
  assert.equal(pieces.dropsLeadingSpace, true);
});

test('a directory without tokenizer.json, and one that is not JSON, are told apart', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'quantwright-tokenizer-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  await assert.rejects(loadTokenizer(path), (error) => error instanceof EngineError && error.kind === 'input' && /no tokenizer\.json/.test(error.message));
  await writeFile(join(path, 'tokenizer.json'), '{');
  await assert.rejects(loadTokenizer(path), (error) => error instanceof EngineError && error.kind === 'checkpoint' && /not valid JSON/.test(error.message));
});
