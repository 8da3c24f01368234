// Reads a JSON file of a model directory, size first. Used for config.json, tokenizer files and shard indexes.
import { readFile, stat } from 'node:fs/promises';
import { EngineError, fileError } from '../errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The object in `file`. Throws kind `input` when the file is absent, `checkpoint` when it is too large, not JSON, or not an object. */
export async function readJsonObject(file: string, maxBytes: number): Promise<JsonObject> {
  const object = await readOptionalJsonObject(file, maxBytes);
  if (object === null) throw new EngineError('input', `cannot read ${file}: no such file or directory`, { file });
  return object;
}

/** As readJsonObject, but null when the file does not exist. */
export async function readOptionalJsonObject(file: string, maxBytes: number): Promise<JsonObject | null> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > maxBytes) throw new EngineError('checkpoint', `${file}: ${size} bytes, more than the limit of ${maxBytes}`, { file });
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    if (cause instanceof TypeError) throw new EngineError('checkpoint', `${file}: not valid UTF-8`, { file, cause });
    throw fileError('read', file, cause);
  }
  return parseJsonObject(text, file);
}

/** Throws kind `checkpoint` when the text is not a JSON object. */
export function parseJsonObject(text: string, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('checkpoint', `${file}: not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { file, cause });
  }
  if (!isJsonObject(value)) throw new EngineError('checkpoint', `${file}: must hold a JSON object`, { file });
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
