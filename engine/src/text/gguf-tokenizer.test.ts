// Tokenizers made from the metadata of GGUF files give the ids of the tokenizer.json that the same vocabulary comes from.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { GgufValue } from '../checkpoint/gguf/bytes.ts';
import { type GgufMetadata, ggufMetadata } from '../checkpoint/gguf/metadata.ts';
import { ggufTokenizer } from './gguf-tokenizer.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const quill = join(root, 'models/quill-16m');
const stories = join(root, '../shared/models/stories260K');

const texts = [
  'Hello world',
  ' leading and  double   spaces ',
  'Quantization of café ☕ and 你好: 2 + 3 = 5.\n\tdone 🤖',
  "don't we'll I'M THEY'RE x'y",
  '1234567 12.5e-3 0x1F',
  'line\r\n\r\n  indented\n',
  'Ünïcödé ŁÓDŹ привет мир العربية हिन्दी 한국어',
  '👩‍👩‍👧‍👦 e\u0301 \u00a0\u2003 zero\u200bwidth',
  '<|im_start|>user\nHi<|im_end|>\n<s>x</s>',
  'def f(x):\n    return x ** 2  # ¼',
  '',
];

interface TokenizerJson {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly (string | readonly [string, string])[] };
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
}

function read(directory: string): TokenizerJson {
  return JSON.parse(readFileSync(join(directory, 'tokenizer.json'), 'utf8'));
}

function vocabulary({ model, added_tokens: added }: TokenizerJson): { readonly tokens: string[]; readonly types: number[] } {
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  const control = new Set(added.map(({ id }) => id));
  return { tokens, types: tokens.map((token, id) => (control.has(id) ? 3 : /^<0x[0-9A-F]{2}>$/.test(token) ? 6 : 1)) };
}

function metadata(values: Readonly<Record<string, GgufValue>>): GgufMetadata {
  return ggufMetadata(new Map(Object.entries(values).map(([key, value]) => [`tokenizer.${key}`, value])), 'x.gguf');
}

function agree(got: Tokenizer, wanted: Tokenizer, unit: fc.Arbitrary<string>): void {
  const same = (text: string): void => {
    for (const specialTokens of [false, true]) {
      const ids = got.encode(text, { specialTokens });
      assert.deepEqual(ids, wanted.encode(text, { specialTokens }), JSON.stringify(text));
      assert.equal(got.decode(ids), wanted.decode(ids));
    }
  };
  for (const text of texts) same(text);
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 30 }), (parts) => same(parts.join(''))),
    { numRuns: 300 },
  );
  assert.equal(got.vocabulary, wanted.vocabulary);
}

/** Words, spaces and any characters but numbers outside ASCII, which the library's Digits and the model's splitter take for different things. */
const pieces = fc.oneof(
  fc.constantFrom(' ', '  ', '\n', 'the', 'ing', "'s", '42', '.', '<|im_end|>', '</s>', '\u2581', 'Ã'),
  fc.string({ unit: 'grapheme', maxLength: 4 }).filter((text) => !/[^\P{N}0-9]/u.test(text)),
);

test('byte-level BPE with the splitter smollm gives the ids of its tokenizer.json', async () => {
  const json = read(quill);
  const { tokens, types } = vocabulary(json);
  const merges = json.model.merges.map((pair) => (typeof pair === 'string' ? pair : pair.join(' ')));
  const config = JSON.parse(readFileSync(join(quill, 'tokenizer_config.json'), 'utf8'));
  const tokenizer = ggufTokenizer(
    metadata({
      'ggml.model': 'gpt2',
      'ggml.pre': 'smollm',
      'ggml.tokens': tokens,
      'ggml.token_type': types,
      'ggml.merges': merges,
      'ggml.bos_token_id': 0,
      'ggml.eos_token_id': 2,
      'ggml.padding_token_id': 3,
      chat_template: config.chat_template,
    }),
    tokens.length,
  );
  const wanted = await loadTokenizer(quill);
  agree(tokenizer, wanted, pieces);
  assert.equal(tokenizer.chatTemplate, wanted.chatTemplate);
  assert.deepEqual([...tokenizer.endIds].sort(), [...wanted.endIds].sort());
  assert.equal(tokenizer.specialTokens['eos_token'], '<|im_end|>');
});

test('SentencePiece merges by score give the ids of its tokenizer.json', { skip: existsSync(stories) ? false : `${stories} is not there` }, async () => {
  const json = read(stories);
  const { tokens, types } = vocabulary(json);
  types[0] = 2;
  // SentencePiece's BPE gives the piece that was merged n-th the score -n; characters, bytes and special tokens come without one.
  const rank = new Map<string, number>();
  for (const merge of json.model.merges) {
    const piece = typeof merge === 'string' ? merge.replace(' ', '') : merge.join('');
    if (!rank.has(piece)) rank.set(piece, rank.size);
  }
  const tokenizer = ggufTokenizer(
    metadata({
      'ggml.model': 'llama',
      'ggml.tokens': tokens,
      'ggml.token_type': types,
      'ggml.scores': tokens.map((token) => -(rank.get(token) ?? 1e6)),
      'ggml.bos_token_id': 1,
      'ggml.eos_token_id': 2,
      'ggml.unknown_token_id': 0,
    }),
    tokens.length,
  );
  agree(tokenizer, await loadTokenizer(stories), pieces);
  assert.equal(tokenizer.chatTemplate, null);
});

const tiny = {
  'ggml.model': 'gpt2',
  'ggml.tokens': ['a', 'b', 'ab', '<s>', '1', '2', 'Ġ', '12'],
  'ggml.token_type': [1, 1, 1, 3, 1, 1, 1, 1],
  'ggml.merges': ['a b'],
  'ggml.bos_token_id': 3,
};

test('splitters differ in digits, in words that no merge makes, and in whether a text begins with a token', () => {
  const ids = (pre: string, text: string): number[] => [
    ...ggufTokenizer(metadata({ ...tiny, 'ggml.merges': ['a b', '1 2'], 'ggml.pre': pre }), 8).encode(text, { specialTokens: true }),
  ];
  assert.deepEqual(ids('gpt-2', 'ab12'), [2, 7]);
  assert.deepEqual(ids('smollm', 'ab12'), [2, 4, 5]);
  assert.deepEqual(ids('qwen2', 'ab12'), [2, 4, 5]);
  assert.deepEqual(ids('llama-bpe', 'ab12'), [3, 2, 7]);
  assert.deepEqual(ids('default', 'ab12'), [2, 7]);
  const unmerged = ggufTokenizer(metadata({ ...tiny, 'ggml.merges': [], 'ggml.pre': 'llama-bpe' }), 8);
  assert.deepEqual([...unmerged.encode('ab', { specialTokens: false })], [2]);
});

test('vocabularies that cannot be used are refused by file and key', () => {
  assert.throws(() => ggufTokenizer(metadata({}), 8), /x\.gguf has no vocabulary/);
  assert.throws(() => ggufTokenizer(metadata({ ...tiny, 'ggml.model': 'bert' }), 8), /a "bert" tokenizer cannot be used; gpt2 .* and llama .* can/);
  assert.throws(() => ggufTokenizer(metadata({ ...tiny, 'ggml.pre': 'kimi-k2' }), 8), /tokenizer\.ggml\.pre is "kimi-k2"; it must be one of default, gpt-2/);
  assert.throws(() => ggufTokenizer(metadata({ ...tiny, 'ggml.token_type': [1] }), 8), /tokenizer\.ggml\.token_type is \[1\]; it must be a list of 8/);
  assert.throws(() => ggufTokenizer(metadata(tiny), 7), /8 tokens, but token_embd\.weight has 7 rows/);
  const { 'ggml.merges': _, ...unmerged } = tiny;
  assert.throws(() => ggufTokenizer(metadata(unmerged), 8), /tokenizer\.ggml\.merges is missing/);
});
