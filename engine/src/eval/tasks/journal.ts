// Results of single items on disk while a run goes on: JSON lines, one for each item, after a line that says what they are of. A run that was killed is gone
// on with: a journal of the same model, file and settings gives its items back, and a torn last line is dropped. A journal of something else is replaced.
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isJsonObject } from '../../checkpoint/json-file.ts';
import { fileError } from '../../errors.ts';
import type { Scored } from './score.ts';

export interface Journal {
  /** Items that an earlier run has scored, by index. */
  readonly known: ReadonlyMap<number, Scored>;
  /** Adds lines of items; on the disk when it resolves. */
  add(items: readonly (readonly [index: number, scored: Scored])[]): Promise<void>;
  close(): Promise<void>;
}

/** 32 hexadecimal digits of everything that an item's result depends on. */
export function journalKey(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** `fresh`: what an earlier run has left is thrown away. Throws kind `io`. */
export async function openJournal(file: string, key: string, fresh: boolean): Promise<Journal> {
  const header = JSON.stringify({ format: 'quantwright-task-items', version: 1, key });
  const held = fresh ? null : await readFile(file, 'utf8').catch(() => null);
  const known = new Map<number, Scored>();
  let whole = 0;
  if (held?.startsWith(`${header}\n`) === true) {
    whole = header.length + 1;
    for (let end = held.indexOf('\n', whole); end >= 0; end = held.indexOf('\n', whole)) {
      const entry = entryOf(held.slice(whole, end));
      if (entry === null) break;
      known.set(...entry);
      whole = end + 1;
    }
  }
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, whole === 0 ? 'w' : 'r+');
    // Lines are ASCII: characters are bytes.
    if (whole === 0) await handle.write(`${header}\n`);
    else await handle.truncate(whole);
    return { known, ...writer(handle, file, whole === 0 ? header.length + 1 : whole) };
  } catch (cause) {
    throw fileError('write', file, cause);
  }
}

/** The journal of a run whose results are kept elsewhere now. */
export function removeJournal(file: string): Promise<void> {
  return rm(file, { force: true });
}

function writer(handle: FileHandle, file: string, start: number): Pick<Journal, 'add' | 'close'> {
  let at = start;
  return {
    add: async (items) => {
      const lines = items.map(([index, { logLikelihoods, greedy }]) => `${JSON.stringify({ index, logLikelihoods, greedy })}\n`).join('');
      await handle.write(lines, at).catch((cause: unknown) => {
        throw fileError('write', file, cause);
      });
      at += lines.length;
    },
    close: () => handle.close(),
  };
}

function entryOf(line: string): [number, Scored] | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isJsonObject(value)) return null;
  const { index, logLikelihoods, greedy } = value;
  if (typeof index !== 'number' || !Array.isArray(logLikelihoods) || !Array.isArray(greedy)) return null;
  if (!logLikelihoods.every((entry): entry is number => typeof entry === 'number') || !greedy.every((entry): entry is boolean => typeof entry === 'boolean'))
    return null;
  return [index, { logLikelihoods, greedy }];
}
