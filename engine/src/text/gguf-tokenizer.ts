// The vocabulary in the metadata of a GGUF file -> what a tokenizer.json and a tokenizer_config.json would say (llama.cpp, src/llama-vocab.cpp :: load).
// `gpt2`: byte-level BPE with the file's merges. `llama`: SentencePiece BPE, whose merges follow from the scores of its pieces.
import type { GgufMetadata } from '../checkpoint/gguf/metadata.ts';
import type { JsonObject } from '../checkpoint/json-file.ts';
import { spell } from '../checkpoint/spell.ts';
import { EngineError } from '../errors.ts';
import { ggufPreTokenizer, preTokenizerNames } from './gguf-pre-tokenizers.ts';
import { createTokenizer, type Tokenizer, type TokenizerSource } from './tokenizer.ts';

/** llama.h :: llama_token_type */
const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4 } as const;

/** Tokens that end an answer in the chat formats in use, for files that name only eos. */
const endings: ReadonlySet<string> = new Set([
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '<|eom_id|>',
  '<|end_of_text|>',
  '<EOT>',
  '</s>',
]);

interface Vocabulary {
  readonly tokens: readonly string[];
  /** Of every token. */
  readonly types: readonly number[];
  readonly metadata: GgufMetadata;
}

/** Throws kind `input` when the file has no vocabulary, `checkpoint` when it is of another kind or damaged. `rows`: tokens that the model knows. */
export function ggufTokenizer(metadata: GgufMetadata, rows: number): Tokenizer {
  return createTokenizer(ggufTokenizerSource(metadata, rows));
}

/** What tokenizer.json and its neighbours would say. Throws as ggufTokenizer. */
export function ggufTokenizerSource(metadata: GgufMetadata, rows: number): TokenizerSource & { readonly endIds: ReadonlySet<number> } {
  const { file } = metadata;
  const model = metadata.text('tokenizer.ggml.model');
  const tokens = metadata.texts('tokenizer.ggml.tokens');
  if (model === null || model === 'no_vocab' || tokens === null)
    throw new EngineError('input', `${file} has no vocabulary; text cannot be encoded without one`, { file });
  if (tokens.length > rows) throw new EngineError('checkpoint', `${file}: ${tokens.length} tokens, but token_embd.weight has ${rows} rows`, { file });
  const types = metadata.numbers('tokenizer.ggml.token_type') ?? tokens.map(() => tokenType.normal);
  if (types.length !== tokens.length) metadata.refuse('tokenizer.ggml.token_type', `a list of ${tokens.length}, one for each token`);
  const vocabulary = { tokens, types, metadata };
  const built = model === 'gpt2' ? byteLevel(vocabulary) : model === 'llama' ? sentencePiece(vocabulary) : null;
  if (built === null)
    throw new EngineError('checkpoint', `${file}: a ${spell(model)} tokenizer cannot be used; gpt2 (byte-level BPE) and llama (SentencePiece BPE) can`, {
      file,
    });
  const named = namedTokens(vocabulary);
  const json = { ...built.json, added_tokens: addedTokens(vocabulary, model === 'llama'), post_processor: frame(vocabulary, built.addBos) };
  return {
    json,
    config: { ...named, clean_up_tokenization_spaces: false },
    endIds: endIds(vocabulary),
    chatTemplate: metadata.text('tokenizer.chat_template'),
    file,
  };
}

interface Built {
  readonly json: JsonObject;
  readonly addBos: boolean;
}

function byteLevel({ tokens, metadata }: Vocabulary): Built {
  const name = metadata.text('tokenizer.ggml.pre') ?? 'default';
  const pre = ggufPreTokenizer(name) ?? metadata.refuse('tokenizer.ggml.pre', `one of ${preTokenizerNames.join(', ')}`);
  const merges = metadata.texts('tokenizer.ggml.merges') ?? metadata.refuse('tokenizer.ggml.merges', 'a list of pairs');
  const pairs = merges.map((merge) => {
    const space = merge.indexOf(' ', 1);
    return [merge.slice(0, space), merge.slice(space + 1)];
  });
  return {
    addBos: pre.addBos,
    json: {
      normalizer: null,
      pre_tokenizer: pre.spec,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: { type: 'BPE', vocab: idsOf(tokens), merges: pairs, unk_token: null, byte_fallback: false, ignore_merges: pre.ignoreMerges },
    },
  };
}

function sentencePiece(vocabulary: Vocabulary): Built {
  const { tokens, metadata } = vocabulary;
  const scores = metadata.numbers('tokenizer.ggml.scores') ?? metadata.refuse('tokenizer.ggml.scores', 'a list of numbers');
  if (scores.length !== tokens.length) metadata.refuse('tokenizer.ggml.scores', `a list of ${tokens.length}, one for each token`);
  const prefix = metadata.flag('tokenizer.ggml.add_space_prefix') ?? true;
  const unknown = tokens[metadata.count('tokenizer.ggml.unknown_token_id') ?? 0] ?? null;
  return {
    addBos: true,
    json: {
      normalizer: {
        type: 'Sequence',
        normalizers: [...(prefix ? [{ type: 'Prepend', prepend: '\u2581' }] : []), { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' }],
      },
      pre_tokenizer: null,
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
        ],
      },
      model: { type: 'BPE', vocab: idsOf(tokens), merges: mergesOf(vocabulary, scores), unk_token: unknown, fuse_unk: true, byte_fallback: true },
    },
  };
}

/**
 * SentencePiece joins the pair whose result has the highest score. As ranks: every split of a piece into two others, best piece first, splits of a piece by
 * their ids (transformers, convert_slow_tokenizer.py :: SentencePieceExtractor).
 */
function mergesOf({ tokens, types }: Vocabulary, scores: readonly number[]): (readonly [string, string])[] {
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (types[id] === tokenType.normal || types[id] === tokenType.userDefined) ids.set(token, id);
  }
  const score = (id: number): number => scores[id] ?? 0;
  const pieces = [...ids.values()].sort((a, b) => score(b) - score(a) || a - b);
  return pieces.flatMap((id) => splitsOf(tokens[id] ?? '', ids));
}

/** Pairs of pieces that make a piece, by their ids. */
function splitsOf(piece: string, ids: ReadonlyMap<string, number>): (readonly [string, string])[] {
  const splits: { readonly pair: readonly [string, string]; readonly left: number; readonly right: number }[] = [];
  for (let at = 1; at < piece.length; at++) {
    const left = ids.get(piece.slice(0, at));
    const right = left === undefined ? undefined : ids.get(piece.slice(at));
    if (left !== undefined && right !== undefined) splits.push({ pair: [piece.slice(0, at), piece.slice(at)], left, right });
  }
  return splits.sort((a, b) => a.left - b.left || a.right - b.right).map(({ pair }) => pair);
}

/** `__proto__` among the tokens must be one like any other. */
function idsOf(tokens: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}

function addedTokens({ tokens, types }: Vocabulary, pieces: boolean): JsonObject[] {
  return tokens.flatMap((content, id) => {
    const special = types[id] === tokenType.control || types[id] === tokenType.unknown;
    // Runs of spaces, which SentencePiece spells with its own sign, are found by their merges.
    if (content === '' || (!special && (types[id] !== tokenType.userDefined || (pieces && content.includes('\u2581'))))) return [];
    return [{ id, content, special, single_word: false, lstrip: false, rstrip: false, normalized: false }];
  });
}

function namedTokens({ tokens, metadata }: Vocabulary): Readonly<Record<string, string>> {
  const keys = { bos_token: 'bos_token_id', eos_token: 'eos_token_id', unk_token: 'unknown_token_id', pad_token: 'padding_token_id' };
  return Object.fromEntries(
    Object.entries(keys).flatMap(([name, key]) => {
      const token = tokens[metadata.count(`tokenizer.ggml.${key}`) ?? -1];
      return token === undefined ? [] : [[name, token]];
    }),
  );
}

function endIds({ tokens, types, metadata }: Vocabulary): ReadonlySet<number> {
  const ids = ['eos_token_id', 'eot_token_id', 'eom_token_id'].flatMap((key) => metadata.count(`tokenizer.ggml.${key}`) ?? []);
  return new Set([...ids, ...tokens.flatMap((token, id) => (endings.has(token) && types[id] !== tokenType.normal ? [id] : []))]);
}

/** What is added around a text. */
function frame({ tokens, metadata }: Vocabulary, addBos: boolean): JsonObject | null {
  const token = (name: 'bos' | 'eos', add: boolean): { readonly id: number; readonly text: string } | null => {
    const id = metadata.count(`tokenizer.ggml.${name}_token_id`);
    const text = tokens[id ?? -1];
    return add && id !== null && text !== undefined ? { id, text } : null;
  };
  const bos = token('bos', metadata.flag('tokenizer.ggml.add_bos_token') ?? addBos);
  const eos = token('eos', metadata.flag('tokenizer.ggml.add_eos_token') ?? false);
  if (bos === null && eos === null) return null;
  const part = (one: typeof bos): JsonObject[] => (one === null ? [] : [{ SpecialToken: { id: one.text, type_id: 0 } }]);
  const single = [...part(bos), { Sequence: { id: 'A', type_id: 0 } }, ...part(eos)];
  const special = Object.fromEntries([bos, eos].flatMap((one) => (one === null ? [] : [[one.text, { id: one.text, ids: [one.id], tokens: [one.text] }]])));
  return { type: 'TemplateProcessing', single, pair: single, special_tokens: special };
}
