// The folder of packed models: what is in it, and room for more. The one that was not used for the longest goes first; use sets the file's times.
import { readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheLocation } from './location.ts';

export const entrySuffix = '.packed';
/** Stamps under which the content of an entry is known, one a line. */
export const stampsSuffix = '.stamps';
export const partialSuffix = '.partial';

export interface CacheEntry {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
}

const defaultMaxBytes = 20e9;
/** What must stay free on the disk. */
const freeBytes = 2e9;
const freeShare = 0.05;
/** A write that is older was interrupted. */
const staleMs = 3_600_000;

/** Oldest use first; empty when there is no folder. */
export async function listEntries(directory: string): Promise<readonly CacheEntry[]> {
  const names = await readdir(directory).catch(() => []);
  const entries = await Promise.all(
    names
      .filter((name) => name.endsWith(entrySuffix))
      .map((name) =>
        stat(join(directory, name)).then(
          ({ size, mtimeMs }): CacheEntry => ({ path: join(directory, name), bytes: size, usedAt: mtimeMs }),
          () => null, // another process removed it
        ),
      ),
  );
  return entries.filter((entry) => entry !== null).sort((a, b) => a.usedAt - b.usedAt);
}

/** Bytes that packed models may take here. */
export async function cacheLimit({ directory, maxBytes }: CacheLocation): Promise<number> {
  if (maxBytes !== null) return maxBytes;
  const { blocks, bsize } = await statfs(directory);
  return Math.min(defaultMaxBytes, (blocks * bsize) / 10);
}

/** Removes what was not used for the longest until `bytes` more fit. A text says why they cannot. Rejects when the folder cannot be read. */
export async function makeRoom(location: CacheLocation, bytes: number): Promise<string | null> {
  await removePartial(location.directory);
  const limit = await cacheLimit(location);
  if (bytes > limit) return `it needs ${bytes} bytes, more than the ${limit} bytes of the cache`;
  const { blocks, bavail, bsize } = await statfs(location.directory);
  if (bavail * bsize - bytes < Math.max(freeBytes, blocks * bsize * freeShare)) return 'the disk is nearly full';
  const entries = await listEntries(location.directory);
  let used = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  for (const entry of entries) {
    if (used + bytes <= limit) break;
    if (await removeEntry(entry.path)) used -= entry.bytes;
  }
  return null;
}

/** False when the system does not let it go (Windows, while another process has it mapped). */
export async function removeEntry(path: string): Promise<boolean> {
  await rm(path.slice(0, -entrySuffix.length) + stampsSuffix, { force: true }).catch(() => {});
  return rm(path, { force: true }).then(
    () => true,
    () => false,
  );
}

async function removePartial(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith(partialSuffix)) continue;
    const path = join(directory, name);
    const about = await stat(path).catch(() => null);
    if (about !== null && Date.now() - about.mtimeMs > staleMs) await rm(path, { force: true }).catch(() => {});
  }
}
