// The run stores of the workspace's folders, read for the view. Runs never change once they are written, so each file is parsed once.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnreadRun } from '@quantwright/schemas/rpc/runs-view';
import { parseRun } from '@quantwright/schemas/runs/parse-run';
import type { Run } from '@quantwright/schemas/runs/run';

/** Below a workspace folder. */
export const storeFolder = join('.quantwright', 'runs');
/** What the engine writes at most; a larger file is no run of ours. */
const maxRunBytes = 64 * 2 ** 20;

export interface StoredRun {
  readonly file: string;
  readonly run: Run;
}
type Read = { readonly kind: 'run'; readonly stored: StoredRun } | { readonly kind: 'unread'; readonly unread: UnreadRun };

export class RunStore {
  /** File with its time and size -> what it holds. */
  #known = new Map<string, Read>();

  /** Of all stores, newest first. An absent store has no runs; a file that cannot be read is listed with the reason. */
  async list(stores: readonly string[]): Promise<{ readonly runs: readonly StoredRun[]; readonly unread: readonly UnreadRun[] }> {
    const known = new Map<string, Read>();
    const read: Read[] = [];
    for (const store of stores) {
      for (const name of await jsonFiles(store)) {
        const [key, found] = await this.#read(join(store, name), name.slice(0, -'.json'.length));
        known.set(key, found);
        read.push(found);
      }
    }
    this.#known = known;
    const runs = read.flatMap((one) => (one.kind === 'run' ? [one.stored] : []));
    const unread = read.flatMap((one) => (one.kind === 'unread' ? [one.unread] : []));
    return { runs: runs.sort((a, b) => (sortKey(a) < sortKey(b) ? 1 : -1)), unread };
  }

  async #read(file: string, id: string): Promise<readonly [string, Read]> {
    const unread = (problem: string): Read => ({ kind: 'unread', unread: { file, id, problem } });
    try {
      const { mtimeMs, size } = await stat(file);
      const key = `${file}|${mtimeMs}|${size}`;
      const before = this.#known.get(key);
      if (before !== undefined) return [key, before];
      if (size > maxRunBytes) return [key, unread(`it has ${size} bytes, more than any run`)];
      const parsed = parseRun(await readFile(file, 'utf8'));
      if (parsed.kind === 'run') return [key, { kind: 'run', stored: { file, run: parsed.run } }];
      return [key, unread(parsed.kind === 'later' ? `written by a later Quantwright (version ${parsed.version}); update to read it` : parsed.problem)];
    } catch (error) {
      return [file, unread(error instanceof Error ? error.message : String(error))];
    }
  }
}

function sortKey({ file, run }: StoredRun): string {
  return `${run.started} ${file}`;
}

async function jsonFiles(store: string): Promise<readonly string[]> {
  const names = await readdir(store).catch(() => []);
  return names.filter((name) => name.endsWith('.json') && !name.startsWith('.')).sort();
}
