// The run store: a folder of JSON files, one for each run, named after its id. Appending is atomic (written beside the target, then renamed), so
// two commands may append at once, and a killed one leaves no half of a run. Nothing in here changes or removes a run.
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseRun, runProblem } from '@quantwright/schemas/runs/parse-run';
import type { Run } from '@quantwright/schemas/runs/run';
import { EngineError, fileError } from '../errors.ts';

/** Below the folder of a workspace. */
export const storeFolder = join('.quantwright', 'runs');

/** A run of a large sweep with thousands of layers has a few MB. */
const maxRunBytes = 64 * 2 ** 20;

export type StoredRun =
  | { readonly kind: 'run'; readonly id: string; readonly file: string; readonly run: Run }
  | { readonly kind: 'later'; readonly id: string; readonly file: string; readonly version: number }
  | { readonly kind: 'damaged'; readonly id: string; readonly file: string; readonly problem: string };

/** `given`, or the store of the nearest folder upwards from `from` that has a .quantwright, or one in `from` itself. */
export async function findStore(from: string, given?: string): Promise<string> {
  if (given !== undefined) return resolve(from, given);
  let folder = resolve(from);
  for (;;) {
    const there = await stat(join(folder, '.quantwright')).then(
      (info) => info.isDirectory(),
      () => false,
    );
    if (there) return join(folder, storeFolder);
    const above = dirname(folder);
    if (above === folder) return join(resolve(from), storeFolder);
    folder = above;
  }
}

/** Returns the file. Infinite numbers become the largest that JSON can hold. Throws kind `internal` for a run that breaks the schema (such as NaN), `io`. */
export async function appendRun(store: string, run: Run): Promise<string> {
  const text = `${JSON.stringify(run, finite, 1)}\n`;
  const problem = runProblem(JSON.parse(text));
  if (problem !== null) throw new EngineError('internal', `the run cannot be kept: ${problem}`);
  const file = join(store, `${run.id}.json`);
  const partial = join(store, `.${run.id}.partial`);
  try {
    await mkdir(store, { recursive: true });
    const handle = await open(partial, 'wx');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, file);
  } catch (cause) {
    await rm(partial, { force: true });
    throw fileError('write the run', file, cause);
  }
  return file;
}

/** All runs, oldest first; an absent store has none. What cannot be read is listed with its reason. */
export async function listRuns(store: string): Promise<readonly StoredRun[]> {
  const names = await readdir(store).catch((cause: unknown) => {
    const error = fileError('list', store, cause);
    if (error.kind === 'input') return [];
    throw error;
  });
  const ids = names.filter((name) => name.endsWith('.json') && !name.startsWith('.')).map((name) => name.slice(0, -'.json'.length));
  return Promise.all(ids.sort().map((id) => readStored(store, id)));
}

/** Throws kind `input` when there is no such run, or it cannot be read; the message says why. */
export async function readRun(store: string, id: string): Promise<Run> {
  if (id !== '' && !/[/\\]/.test(id)) {
    const stored = await readStored(store, id);
    if (stored.kind === 'run') return stored.run;
    const why = stored.kind === 'later' ? `it was written by a later version (${stored.version}); update Quantwright to read it` : stored.problem;
    throw new EngineError('input', `${stored.file}: ${why}`, { file: stored.file });
  }
  throw new EngineError('input', `"${id}" is no id of a run; quantwright report --list shows those in ${store}`);
}

async function readStored(store: string, id: string): Promise<StoredRun> {
  const file = join(store, `${id}.json`);
  try {
    const { size } = await stat(file);
    if (size > maxRunBytes) return { kind: 'damaged', id, file, problem: `${size} bytes, more than a run can have (${maxRunBytes})` };
    const parsed = parseRun(await readFile(file, 'utf8'));
    if (parsed.kind === 'run' && parsed.run.id !== id) return { kind: 'damaged', id, file, problem: `it holds the run ${parsed.run.id}` };
    return { ...parsed, id, file };
  } catch (cause) {
    return { kind: 'damaged', id, file, problem: fileError('read', file, cause).message };
  }
}

/** A replacer of JSON.stringify: JSON has no infinity, the largest number stands for it. */
export function finite(_key: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
  if (value === Number.NEGATIVE_INFINITY) return -Number.MAX_VALUE;
  return value;
}
