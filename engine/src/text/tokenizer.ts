// The tokenizer of a model directory: text <-> ids, exact bytes of ids, end-of-text ids and the chat template. Wraps @huggingface/tokenizers.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { isJsonObject, type JsonObject, readOptionalJsonObject } from '../checkpoint/json-file.ts';
import { limits } from '../checkpoint/limits.ts';
import { EngineError } from '../errors.ts';
import { tokenBytes } from './token-bytes.ts';
import { type TokenStream, tokenStream } from './token-stream.ts';

export interface Tokenizer {
  /** specialTokens: add what the tokenizer adds around a text (such as BOS). Special tokens spelled in the text are parsed as such. */
  encode(text: string, options: { readonly specialTokens: boolean }): Int32Array;
  /** Text without special tokens. */
  decode(ids: Iterable<number>): string;
  /** Bytes that a token adds to the text; none for special tokens. Throws kind `input` for an id outside the vocabulary. */
  bytesOf(id: number): Uint8Array;
  stream(): TokenStream;
  /** Ids that end a generation (generation_config.json, else config.json, else the tokenizer's eos_token). */
  readonly endIds: ReadonlySet<number>;
  readonly vocabulary: number;
  /** Jinja source; null when the model has none. */
  readonly chatTemplate: string | null;
  /** bos_token, eos_token ... as templates name them. */
  readonly specialTokens: Readonly<Record<string, string>>;
}

/** The largest published tokenizer.json (about 262,000 entries) has 33 MB. */
export const tokenizerBytes = 200_000_000;

/** Throws kind `input` when the directory has no tokenizer.json, `checkpoint` when it cannot be used. */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const file = join(directory, 'tokenizer.json');
  const json = await readOptionalJsonObject(file, tokenizerBytes);
  if (json === null) throw new EngineError('input', `${directory} has no tokenizer.json; text cannot be encoded without it`, { file });
  const config = (await readOptionalJsonObject(join(directory, 'tokenizer_config.json'), limits.configBytes)) ?? {};
  return createTokenizer({ json, config, endIds: await readEndIds(directory), chatTemplate: await readChatTemplate(directory, config), file });
}

export interface TokenizerSource {
  /** tokenizer.json */
  readonly json: JsonObject;
  /** tokenizer_config.json */
  readonly config: JsonObject;
  /** null: that of eos_token. */
  readonly endIds: ReadonlySet<number> | null;
  readonly chatTemplate: string | null;
  /** For messages. */
  readonly file: string;
}

/** Throws kind `checkpoint` when it cannot be used. */
export function createTokenizer({ json, config, endIds, chatTemplate, file }: TokenizerSource): Tokenizer {
  const bytes = tokenBytes(json['decoder'], file);
  const inner = construct(json, config, file);
  const added: ReadonlyMap<number, { readonly special: boolean }> = inner.get_added_tokens_decoder();
  const vocabulary = vocabularySize(json);
  const cache = new Map<number, Uint8Array>();
  const bytesOf = (id: number): Uint8Array => {
    const known = cache.get(id);
    if (known !== undefined) return known;
    const token: string | undefined = inner.id_to_token(id);
    if (token === undefined) throw new EngineError('input', `token id ${id} is not in the vocabulary of ${file}`, { file });
    const special = added.get(id);
    const own = special === undefined ? bytes.of(token) : special.special ? new Uint8Array() : new TextEncoder().encode(token);
    cache.set(id, own);
    return own;
  };
  const specialTokens = namedTokens(config);
  return {
    encode: (text, { specialTokens: add }) => {
      const ids: readonly (number | undefined)[] = inner.encode(text, { add_special_tokens: add }).ids;
      const missing = ids.indexOf(undefined);
      if (missing >= 0)
        throw new EngineError('input', `${file}: token ${missing} of the text is not in the vocabulary, and the tokenizer has no unknown token`, { file });
      return Int32Array.from(ids, (id) => id ?? 0);
    },
    decode: (ids) => {
      const stream = tokenStream(bytesOf, bytes.dropsLeadingSpace);
      let text = '';
      for (const id of ids) text += stream.push(id);
      return text + stream.end();
    },
    bytesOf,
    stream: () => tokenStream(bytesOf, bytes.dropsLeadingSpace),
    endIds: endIds ?? endOf(inner, specialTokens['eos_token']),
    vocabulary,
    chatTemplate,
    specialTokens,
  };
}

function construct(json: JsonObject, config: JsonObject, file: string): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(json, config);
  } catch (cause) {
    throw new EngineError('checkpoint', `${file}: the tokenizer cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { file, cause });
  }
}

function vocabularySize(json: JsonObject): number {
  const model = isJsonObject(json['model']) ? json['model'] : {};
  const vocab = model['vocab'];
  return isJsonObject(vocab) ? Object.keys(vocab).length : Array.isArray(vocab) ? vocab.length : 0;
}

/** tokenizer_config.json spells a special token as text or as {content}. */
function namedTokens(config: JsonObject): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (!key.endsWith('_token')) continue;
    if (typeof value === 'string') out[key] = value;
    else if (isJsonObject(value) && typeof value['content'] === 'string') out[key] = value['content'];
  }
  return out;
}

async function readEndIds(directory: string): Promise<ReadonlySet<number> | null> {
  for (const name of ['generation_config.json', 'config.json']) {
    const value = (await readOptionalJsonObject(join(directory, name), limits.configBytes))?.['eos_token_id'];
    const ids = (Array.isArray(value) ? value : [value]).filter((id): id is number => Number.isSafeInteger(id));
    if (ids.length > 0) return new Set(ids);
  }
  return null;
}

function endOf(inner: HuggingFaceTokenizer, eosToken: string | undefined): ReadonlySet<number> {
  const id: number | undefined = eosToken === undefined ? undefined : inner.token_to_id(eosToken);
  return new Set(id === undefined ? [] : [id]);
}

/** chat_template.jinja goes before tokenizer_config.json, whose value is one template or a list of named ones. */
async function readChatTemplate(directory: string, config: JsonObject): Promise<string | null> {
  const own = await readFile(join(directory, 'chat_template.jinja'), 'utf8').catch(() => null);
  if (own !== null) return own;
  const value = config['chat_template'];
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const named: unknown = value.find((entry: unknown) => isJsonObject(entry) && entry['name'] === 'default') ?? value[0];
  return isJsonObject(named) && typeof named['template'] === 'string' ? named['template'] : null;
}
