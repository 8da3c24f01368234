// The documents of a calibration file: a plain text is one, a JSON-lines file (.jsonl, .ndjson) has one a line, with `text`, or with `messages` that the model's
// chat template turns into what it was trained to read. Refuses a line that is neither, by its number.
import { basename, extname } from 'node:path';
import type { ChatMessage } from '@quantwright/schemas/rpc/engine';
import { isJsonObject } from '../checkpoint/json-file.ts';
import { EngineError } from '../errors.ts';
import { readTextFile } from '../eval/text-file.ts';
import { renderChat } from '../text/chat-template.ts';
import type { Tokenizer } from '../text/tokenizer.ts';

export type CalibrationDocument = { readonly text: string } | { readonly messages: readonly ChatMessage[] };

const roles: readonly string[] = ['system', 'user', 'assistant'];

/** Throws kind `input` when the file cannot be read, is empty, or has a line that is no document. */
export async function readDocuments(file: string): Promise<readonly CalibrationDocument[]> {
  const text = await readTextFile(file);
  return ['.jsonl', '.ndjson'].includes(extname(file).toLowerCase()) ? parseJsonLines(text, file) : [{ text }];
}

/** `file`: for messages. */
export function parseJsonLines(text: string, file: string): readonly CalibrationDocument[] {
  const documents = text.split(/\r?\n/).flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, `${file}:${index + 1}`, file)]));
  if (documents.length === 0) throw new EngineError('input', `${file} has no documents; every line must be a JSON object with "text" or "messages"`, { file });
  return documents;
}

/** Of all documents, one after the other, as the model reads them. */
export function encodeDocuments(documents: readonly CalibrationDocument[], tokenizer: Tokenizer, directory: string): Int32Array {
  const parts = documents.map((document) => encodeDocument(document, tokenizer, directory));
  const ids = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    ids.set(part, at);
    at += part.length;
  }
  return ids;
}

function encodeDocument(document: CalibrationDocument, tokenizer: Tokenizer, directory: string): Int32Array {
  if ('text' in document) return tokenizer.encode(document.text, { specialTokens: true });
  const { messages } = document;
  const template = tokenizer.chatTemplate;
  if (template === null) return tokenizer.encode(`${messages.map(({ content }) => content).join('\n')}\n`, { specialTokens: true });
  const text = renderChat({ template, messages, specialTokens: tokenizer.specialTokens, file: directory, answered: true });
  return tokenizer.encode(text, { specialTokens: false });
}

function parseLine(line: string, place: string, file: string): CalibrationDocument {
  const value = jsonOf(line, place, file);
  if (isJsonObject(value)) {
    if (typeof value['text'] === 'string') return { text: value['text'] };
    if (Array.isArray(value['messages']))
      return { messages: value['messages'].map((message: unknown, index) => parseMessage(message, `${place}: message ${index + 1}`, file)) };
  }
  const has = isJsonObject(value) ? `an object with ${Object.keys(value).slice(0, 8).join(', ') || 'no keys'}` : 'no object';
  throw new EngineError('input', `${place}: ${has}; a line needs "text" (a string) or "messages" (a list of {"role", "content"})`, { file });
}

function parseMessage(value: unknown, place: string, file: string): ChatMessage {
  if (isJsonObject(value)) {
    const { role, content } = value;
    if (isRole(role) && typeof content === 'string') return { role, content };
  }
  throw new EngineError('input', `${place} must be {"role": "system" | "user" | "assistant", "content": "..."}`, { file });
}

function isRole(value: unknown): value is ChatMessage['role'] {
  return typeof value === 'string' && roles.includes(value);
}

function jsonOf(line: string, place: string, file: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new EngineError('input', `${place}: not valid JSON; ${basename(file)} must have one JSON object a line`, { file, cause });
  }
}
