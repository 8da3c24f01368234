// Token -> the exact bytes it stands for. Streaming and bits per byte need bytes, because one token may hold a piece of a character.
// Two families cover the models that run here: byte-level BPE (GPT-2's alphabet) and SentencePiece-style BPE (U+2581 for a space, <0xNN> for bytes).

import { isJsonObject, type JsonObject } from '../checkpoint/json-file.ts';
import { EngineError } from '../errors.ts';

export interface TokenBytes {
  /** Bytes of a vocabulary entry that is not an added token. */
  of(token: string): Uint8Array;
  /** Whether decoding a whole text drops one leading space (it was added by the normalizer). */
  readonly dropsLeadingSpace: boolean;
}

/** `decoder`: the decoder of tokenizer.json. Throws kind `checkpoint` for decoders of other families. */
export function tokenBytes(decoder: unknown, file: string): TokenBytes {
  const parts = flatten(decoder);
  const types = new Set(parts.map((part) => part['type']));
  if (types.has('ByteLevel')) return { of: byteLevelBytes, dropsLeadingSpace: false };
  const replacesSpace = parts.some((part) => part['type'] === 'Replace' && part['content'] === ' ');
  if (types.has('Metaspace') || types.has('ByteFallback') || replacesSpace) {
    const strips = parts.some((part) => part['type'] === 'Strip' && part['content'] === ' ' && Number(part['start']) > 0);
    const metaspace = parts.some((part) => part['type'] === 'Metaspace' && part['prepend_scheme'] !== 'never' && part['add_prefix_space'] !== false);
    return { of: pieceBytes, dropsLeadingSpace: strips || metaspace };
  }
  throw new EngineError(
    'checkpoint',
    `${file}: a tokenizer with decoder ${[...types].join(', ') || 'none'} cannot be streamed; ByteLevel and SentencePiece decoders can`,
    { file },
  );
}

function flatten(decoder: unknown): JsonObject[] {
  if (!isJsonObject(decoder)) return [];
  const inner = decoder['decoders'];
  return decoder['type'] === 'Sequence' && Array.isArray(inner) ? inner.flatMap(flatten) : [decoder];
}

const encoder = new TextEncoder();

/**
 * GPT-2's alphabet (openai/gpt-2, src/encoder.py, bytes_to_unicode): printable Latin-1 characters stand for themselves,
 * the other 68 bytes for the characters from U+0100 on, in rising order.
 */
const byteOfCharacter: ReadonlyMap<string, number> = (() => {
  const printable = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) map.set(String.fromCodePoint(printable(byte) ? byte : next++), byte);
  return map;
})();

function byteLevelBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) return encoder.encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function pieceBytes(token: string): Uint8Array {
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return byte === undefined ? encoder.encode(token.replaceAll('\u2581', ' ')) : Uint8Array.of(Number.parseInt(byte, 16));
}
