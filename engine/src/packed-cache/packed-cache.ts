// Packed weights of models, kept as files between loads and mapped into memory: the next load takes milliseconds, and processes share the pages.
//   <key>-<hash of the content>.packed     written beside, then renamed; never changed
//   <key>-<hash of the content>.stamps     the states of files (identity.ts) that are known to have this content
// A known stamp is a hit. Any other state of the files of a model with this key is decided by hashing all their data, so that a changed file never hits
// and a copied or touched one does. Nothing here makes a load fail: what does not work is told once and done without.
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeBinding, Weight } from '@quantwright/native/binding';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { planEntry, readIndex } from './entry.ts';
import { entrySuffix, makeRoom, partialSuffix, removeEntry, stampsSuffix } from './folder.ts';
import { type CheckpointIdentity, hashContent, identify } from './identity.ts';
import { type CacheLocation, cacheLocation } from './location.ts';

export type PackedWeights = ReadonlyMap<string, Weight>;

/** What is known of one checkpoint. */
export interface CacheLookup {
  /** By module; null when they have to be packed. */
  readonly found: PackedWeights | null;
  /** Keeps them for the next load when that pays: packing took `milliseconds`. Never rejects. */
  store(weights: PackedWeights, milliseconds: number): Promise<void>;
}

export interface PackedCache {
  lookup(checkpoint: Checkpoint): Promise<CacheLookup>;
}

export interface CacheOptions {
  readonly binding: NativeBinding;
  readonly location: CacheLocation;
  /** Something for people to know; every text once. */
  readonly note?: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Packing that took less is done again instead. */
  readonly worthMs?: number;
}

/** `before`: the content before it was packed, where the stamp cannot tell changes. */
interface Known {
  readonly identity: CheckpointIdentity;
  readonly before: string | null;
}

const defaultWorthMs = 300;
const maxStamps = 16;
const told = new Set<string>();

/** The cache of this user on this machine; null when it is turned off. */
export function userPackedCache(binding: NativeBinding, note: (text: string) => void): PackedCache | null {
  const location = cacheLocation();
  return location === null ? null : createPackedCache({ binding, location, note });
}

export function createPackedCache(options: CacheOptions): PackedCache {
  const { binding, location } = options;
  const { directory } = location;
  const clock = options.now ?? Date.now;
  const note = (text: string): void => {
    if (told.has(text)) return;
    told.add(text);
    options.note?.(text);
  };
  const without = (cause: unknown): void => note(`packed models are not kept in ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`);

  const restore = async (name: string): Promise<PackedWeights | null> => {
    const path = join(directory, name + entrySuffix);
    const index = await readIndex(path);
    let problem = typeof index === 'string' ? index : '';
    if (typeof index !== 'string') {
      const file = binding.openFile(path);
      try {
        const { weights } = index;
        const restored = await Promise.all(weights.map(({ offset, length }) => binding.restoreWeight({ file, offset, length })));
        const now = new Date();
        await utimes(path, now, now).catch(() => {}); // a folder that is only read still serves
        return new Map(restored.map((weight, at) => [weights[at]?.module ?? '', weight]));
      } catch (cause) {
        problem = cause instanceof Error ? cause.message : String(cause);
      } finally {
        file.close();
      }
    }
    note(`the packed model ${path} is damaged and is made anew: ${problem}`);
    await removeEntry(path);
    return null;
  };

  const store = async (checkpoint: Checkpoint, { identity, before }: Known, weights: PackedWeights): Promise<void> => {
    const list = [...weights].map(([module, weight]) => ({ module, weight, bytes: weight.savedBytes })).filter(({ bytes }) => bytes > 0);
    if (list.length === 0) return;
    const content = await hashContent(checkpoint, binding);
    // The files may have changed since they were packed: then nobody knows what was.
    const after = await identify(checkpoint, binding, clock());
    if (after.key !== identity.key || after.stamp !== identity.stamp || (before !== null && before !== content)) return;
    const { index, head } = planEntry(checkpoint.path, list);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const full = await makeRoom(location, index.fileBytes);
    if (full !== null) return note(`the packed form of ${checkpoint.path} is not kept in ${directory}: ${full}`);
    const name = `${identity.key}-${content}`;
    const partial = join(directory, `${name}.${process.pid}.${Date.now()}${partialSuffix}`);
    try {
      await binding.saveWeights(
        partial,
        head,
        list.map(({ weight }, at) => ({ weight, offset: index.weights[at]?.offset ?? 0 })),
      );
      await rename(partial, join(directory, name + entrySuffix));
    } catch (cause) {
      await rm(partial, { force: true }).catch(() => {});
      throw cause;
    }
    if (identity.settled) await addStamp(directory, name, identity.stamp);
  };

  return {
    lookup: async (checkpoint) => {
      const nothing: CacheLookup = { found: null, store: async () => {} };
      try {
        const identity = await identify(checkpoint, binding, clock());
        const known = { identity, before: identity.settled ? null : await hashContent(checkpoint, binding) };
        const name = await matching(checkpoint, known);
        return {
          found: name === null ? null : await restore(name),
          store: async (weights, milliseconds) => {
            if (milliseconds >= (options.worthMs ?? defaultWorthMs)) await store(checkpoint, known, weights).catch(without);
          },
        };
      } catch (cause) {
        without(cause);
        return nothing;
      }
    },
  };

  /** The entry of this content. */
  async function matching(checkpoint: Checkpoint, { identity, before }: Known): Promise<string | null> {
    const { key, stamp, settled } = identity;
    const files = (await readdir(directory).catch(() => [])).filter((file) => file.startsWith(`${key}-`) && file.endsWith(entrySuffix));
    const names = files.map((file) => file.slice(0, -entrySuffix.length));
    if (names.length === 0) return null;
    for (const name of names) if (settled && (await stampsOf(directory, name)).includes(stamp)) return name;
    const content = before ?? (await hashContent(checkpoint, binding));
    const name = names.find((candidate) => candidate === `${key}-${content}`);
    if (name === undefined) return null;
    if (settled) await addStamp(directory, name, stamp).catch(() => {});
    return name;
  }
}

async function stampsOf(directory: string, name: string): Promise<readonly string[]> {
  const text = await readFile(join(directory, name + stampsSuffix), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line));
}

/** Renamed into place, so that no reader sees half of it; of two writers at once one stamp may be lost, which costs a hash. */
async function addStamp(directory: string, name: string, stamp: string): Promise<void> {
  const stamps = [...(await stampsOf(directory, name)), stamp].slice(-maxStamps);
  const partial = join(directory, `${name}.${process.pid}.${Date.now()}.stamps${partialSuffix}`);
  await writeFile(partial, `${stamps.join('\n')}\n`, { mode: 0o600 });
  await rename(partial, join(directory, name + stampsSuffix));
}
