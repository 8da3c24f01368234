// The text that a measurement runs on, from a file. Refuses what would be measured wrongly in silence: bytes that are no UTF-8 would all become the same
// replacement character, which a model has never learnt.
import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { EngineError, fileError } from '../errors.ts';

/** The tokenizer holds text and ids at once; evaluation texts have a few MB. */
const maxBytes = 256 * 1024 * 1024;

/** Throws kind `input` for a file that is absent, empty, too large or not UTF-8, `io` when it cannot be read. */
export async function readTextFile(file: string): Promise<string> {
  const bytes = await read(file).catch((cause: unknown) => {
    throw cause instanceof EngineError ? cause : fileError('read', file, cause);
  });
  if (bytes.length === 0) throw new EngineError('input', `${file} is empty; give a plain text file`, { file });
  const text = bytes.toString('utf8');
  if (isUtf8(bytes)) return text;
  const { offset, line } = firstDamage(bytes, text);
  throw new EngineError('input', `${file}:${line}: not valid UTF-8 (byte ${offset}); convert it first, such as: iconv -f latin1 -t utf-8`, { file });
}

async function read(file: string): Promise<Buffer> {
  const { size } = await stat(file);
  if (size > maxBytes) throw new EngineError('input', `${file}: ${size} bytes, more than the limit of ${maxBytes}; give a part of it`, { file });
  return readFile(file);
}

/** The first replacement character of the decoded text that does not stand in the file itself. */
function firstDamage(bytes: Buffer, text: string): { readonly offset: number; readonly line: number } {
  let at = text.indexOf('\ufffd');
  let offset = Buffer.byteLength(text.slice(0, at));
  while (bytes.subarray(offset, offset + 3).equals(Buffer.from('\ufffd'))) {
    const next = text.indexOf('\ufffd', at + 1);
    offset += Buffer.byteLength(text.slice(at, next));
    at = next;
  }
  return { offset, line: text.slice(0, at).split('\n').length };
}
