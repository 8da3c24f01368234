// The calibration text that ships: short conversations about quantization (models/texts), read as messages, so that every model
// sees them through its own chat template. For jobs that name no text; one that is like the model's later use is better, and the job says so.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ChatMessage } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../errors.ts';
import type { CalibrationDocument } from './documents.ts';

export const builtInName = 'the built-in text';
const place = join('models', 'texts', 'quant_chat_calibration.txt');

/** Throws kind `input` when the installation lacks it. */
export async function builtInDocuments(): Promise<readonly CalibrationDocument[]> {
  return parseConversations(await readFile(builtInFile(), 'utf8'));
}

/** Questions and their answers, one conversation each: `<|im_start|>role`, content, `<|im_end|>`. */
export function parseConversations(text: string): readonly CalibrationDocument[] {
  const conversations: ChatMessage[][] = [];
  for (const [, role, content = ''] of text.matchAll(/<\|im_start\|>(system|user|assistant)\n([\s\S]*?)<\|im_end\|>/g)) {
    if (role !== 'system' && role !== 'user' && role !== 'assistant') continue;
    const last = conversations.at(-1);
    const begins = last === undefined || role === 'system' || (role === 'user' && last.at(-1)?.role !== 'system');
    if (begins) conversations.push([{ role, content }]);
    else last.push({ role, content });
  }
  return conversations.map((messages) => ({ messages }));
}

/** Beside the bundles, or beside the sources they are made of. */
function builtInFile(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    const file = join(directory, place);
    if (existsSync(file)) return file;
    if (directory === dirname(directory)) throw new EngineError('input', `this installation has no ${place}; give a calibration text with --calibration FILE`);
  }
}
