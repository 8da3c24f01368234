// tokenizer.json and its neighbours -> the vocabulary in the metadata of a GGUF file: the inverse of gguf-tokenizer.ts, which proves it on a text before
// anything is written. Source: llama.cpp, gguf-py/gguf/vocab.py :: SpecialVocab, convert_hf_to_gguf.py :: get_vocab_base, llama.h :: llama_token_type.
import { join } from 'node:path';
import { ggufMetadata } from '../checkpoint/gguf/metadata.ts';
import type { GgufEntry } from '../checkpoint/gguf/writer.ts';
import { isJsonObject, type JsonObject, readOptionalJsonObject } from '../checkpoint/json-file.ts';
import { EngineError } from '../errors.ts';
import { preTokenizerNames } from './gguf-pre-tokenizers.ts';
import { ggufTokenizer } from './gguf-tokenizer.ts';
import { loadTokenizer, type Tokenizer, tokenizerBytes } from './tokenizer.ts';

const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Words, capitals, digits, white space, punctuation, contractions, marks and scripts where the splitters differ. */
const probe = [
  "Hello, world! I'm sure they'll say it's DON'T or we've HE'S 3.14159 and 1234567 times (3x) -- a_b/c\\d <tag> {json: [1, 2]}\n",
  '\n\n  indented\tline\r\n   trailing   \n\nCamelCase XMLHttpRequest snake_case __init__ != === ->\n',
  'Üben Sie naïve façade; Привет мир, 你好世界 12３ ありがとう 안녕하세요 مرحبا ١٢٣ हिन्दी e\u0301 😀👍🏽 \u00a0x\u2003y \u200bz ½ ² Ⅷ\n',
].join('');

export interface GgufVocabulary {
  readonly entries: readonly GgufEntry[];
  readonly warnings: readonly string[];
}

/** `rows`: of the embedding table; ids without a token are named as unused. Throws kind `config` for a tokenizer that GGUF files cannot say. */
export async function ggufVocabulary(directory: string, rows: number): Promise<GgufVocabulary> {
  const file = join(directory, 'tokenizer.json');
  const json = await readOptionalJsonObject(file, tokenizerBytes);
  if (json === null) {
    return {
      entries: [{ key: 'tokenizer.ggml.model', type: 'text', value: 'no_vocab' }],
      warnings: [`${directory} has no tokenizer.json; the GGUF file has no vocabulary and can only be run on ids`],
    };
  }
  const tokenizer = await loadTokenizer(directory);
  const vocabulary = readVocabulary(json, rows, file);
  const common = [...vocabulary.entries, ...specialEntries(tokenizer, vocabulary.ids, vocabulary.pieces)];
  const wanted = tokenizer.encode(probe, { specialTokens: false });
  const names = vocabulary.pieces ? [null] : preTokenizerNames;
  for (const pre of names) {
    const entries: readonly GgufEntry[] = pre === null ? common : [...common, { key: 'tokenizer.ggml.pre', type: 'text', value: pre }];
    const values = new Map(entries.map(({ key, value }) => [key, value]));
    const got = ggufTokenizer(ggufMetadata(values, file), rows).encode(probe, { specialTokens: false });
    if (got.length === wanted.length && got.every((id, index) => id === wanted[index])) return { entries, warnings: [] };
  }
  throw new EngineError(
    'config',
    vocabulary.pieces
      ? `${file}: SentencePiece's rules do not give this tokenizer's ids, so a GGUF file cannot say how it splits texts`
      : `${file}: none of the splitters that GGUF files name (${preTokenizerNames.join(', ')}) splits texts as this tokenizer does`,
    { file },
  );
}

interface Vocabulary {
  readonly entries: readonly GgufEntry[];
  readonly ids: ReadonlyMap<string, number>;
  /** SentencePiece BPE; else byte-level BPE. */
  readonly pieces: boolean;
}

function readVocabulary(json: JsonObject, rows: number, file: string): Vocabulary {
  const model = isJsonObject(json['model']) ? json['model'] : {};
  const { vocab, merges, unk_token: unknown } = model;
  const pieces = model['byte_fallback'] === true;
  const byteLevel = JSON.stringify(json['decoder'] ?? null).includes('"ByteLevel"');
  if (model['type'] !== 'BPE' || !isJsonObject(vocab) || !Array.isArray(merges) || pieces === byteLevel) {
    throw new EngineError('config', `${file}: only BPE over bytes, and SentencePiece's BPE with byte fallback, can be written into a GGUF file`, { file });
  }
  const ids = new Map<string, number>(Object.entries(vocab).map(([token, id]) => [token, Number(id)]));
  const tokens: string[] = Array.from({ length: rows }, (_, id) => `[PAD${id}]`);
  const types: number[] = new Array<number>(rows).fill(tokenType.unused);
  for (const [token, id] of ids) {
    if (id >= rows) throw new EngineError('checkpoint', `${file}: token ${id} has no row in the embedding table of ${rows}`, { file });
    tokens[id] = token;
    types[id] = pieces && /^<0x[0-9A-F]{2}>$/.test(token) ? tokenType.byte : token === unknown ? tokenType.unknown : tokenType.normal;
  }
  for (const added of Array.isArray(json['added_tokens']) ? json['added_tokens'] : []) {
    if (!isJsonObject(added) || typeof added['content'] !== 'string' || typeof added['id'] !== 'number') continue;
    const { id, content, special } = added;
    if (id >= rows) throw new EngineError('checkpoint', `${file}: the added token ${content} has id ${id}, and the embedding table has ${rows} rows`, { file });
    ids.set(content, id);
    tokens[id] = content;
    if (types[id] !== tokenType.unknown) types[id] = special === true ? tokenType.control : tokenType.userDefined;
  }
  const pairs = merges.map((merge: unknown) => (Array.isArray(merge) ? merge.join(' ') : String(merge)));
  return {
    ids,
    pieces,
    entries: [
      { key: 'tokenizer.ggml.model', type: 'text', value: pieces ? 'llama' : 'gpt2' },
      { key: 'tokenizer.ggml.tokens', type: 'texts', value: tokens },
      { key: 'tokenizer.ggml.token_type', type: 'i32s', value: types },
      ...(pieces
        ? ([
            { key: 'tokenizer.ggml.scores', type: 'f32s', value: scoresOf(pairs, ids, rows) },
            { key: 'tokenizer.ggml.add_space_prefix', type: 'bool', value: JSON.stringify(json['normalizer'] ?? null).includes('"Prepend"') },
          ] as const)
        : ([{ key: 'tokenizer.ggml.merges', type: 'texts', value: pairs }] as const)),
    ],
  };
}

/** SentencePiece joins the pair whose result has the highest score: the rank of the first merge that makes a piece, falling. */
function scoresOf(merges: readonly string[], ids: ReadonlyMap<string, number>, rows: number): readonly number[] {
  const scores = new Array<number>(rows).fill(-merges.length - 1);
  for (const [rank, merge] of [...merges.entries()].reverse()) {
    const id = ids.get(merge.replace(' ', ''));
    if (id !== undefined) scores[id] = -rank;
  }
  return scores;
}

function specialEntries(tokenizer: Tokenizer, ids: ReadonlyMap<string, number>, pieces: boolean): readonly GgufEntry[] {
  const id = (key: string, token: string | undefined): readonly GgufEntry[] => {
    const value = token === undefined ? undefined : ids.get(token);
    return value === undefined ? [] : [{ key: `tokenizer.ggml.${key}`, type: 'u32', value }];
  };
  const { bos_token: bos, eos_token: eos, unk_token: unknown, pad_token: pad } = tokenizer.specialTokens;
  const framed = tokenizer.encode('a', { specialTokens: true });
  const plain = tokenizer.encode('a', { specialTokens: false });
  const named = eos === undefined ? undefined : ids.get(eos);
  const eot = [...tokenizer.endIds].find((end) => end !== named);
  return [
    ...id('bos_token_id', bos),
    ...id('eos_token_id', eos),
    ...(eot === undefined ? [] : [{ key: 'tokenizer.ggml.eot_token_id', type: 'u32' as const, value: eot }]),
    ...(pieces ? id('unknown_token_id', unknown) : []),
    ...id('padding_token_id', pad),
    { key: 'tokenizer.ggml.add_bos_token', type: 'bool', value: framed.length > plain.length && framed[0] !== plain[0] },
    { key: 'tokenizer.ggml.add_eos_token', type: 'bool', value: framed.length > plain.length && framed.at(-1) !== plain.at(-1) },
    ...(tokenizer.chatTemplate === null ? [] : [{ key: 'tokenizer.chat_template', type: 'text' as const, value: tokenizer.chatTemplate }]),
  ];
}
