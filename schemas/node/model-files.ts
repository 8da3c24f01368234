// Reads what lies beside a config: texts of other config files, and the headers of the safetensors files (never a weight). The only IO in schemas/,
// for the language server and the command line alike. Never throws: what cannot be read is said in words.
// A cache makes the next reading cheap: files are read again only when their time or size changed, and without a change the same value comes back.
import { type FileHandle, open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { limits } from '../checkpoint/limits.ts';
import type { ModelFiles, TensorHeader, TensorTable } from '../checkpoint/model-files.ts';
import { headerLength, parseHeader } from '../checkpoint/safetensors-header.ts';
import { clip } from '../checkpoint/spell.ts';
import { isPlainName, readPlacement, type Shard, tensorTable } from '../checkpoint/tensor-table.ts';

/** Files whose text rules and completion read. */
const TEXTS = [
  'config.json',
  'generation_config.json',
  'quantize_config.json',
  'quant_config.json',
  'quantization_config.json',
  'hf_quant_config.json',
  'tokenizer_config.json',
] as const;
const INDEX = 'model.safetensors.index.json';
/** Files open at a time: enough to keep a disk busy, far below what systems allow. */
const PARALLEL = 16;
/** Models whose headers are kept; a workspace rarely has more open at once. */
const KEPT_MODELS = 8;

export interface ModelFilesCache {
  readonly models: Map<string, KnownModel>;
}

interface KnownModel {
  /** File -> what it was when it was read. */
  readonly texts: Map<string, Stamped<string | null>>;
  readonly shards: Map<string, Stamped<ReadShard>>;
  /** Answers for a set of stamps: the same object as long as nothing changed. */
  readonly answers: Map<string, { readonly stamps: string; readonly files: ModelFiles }>;
  table: { readonly stamps: string; readonly table: TensorTable | null } | null;
}

interface Stamped<Value> {
  readonly stamp: string;
  readonly value: Value;
}

interface ReadShard {
  readonly tensors: ReadonlyMap<string, TensorHeader> | null;
  readonly problem: string | null;
}

export function createModelFilesCache(): ModelFilesCache {
  return { models: new Map() };
}

/** `except`: base name of the config itself, whose text the caller has (an editor's may be newer than the disk's). */
export async function readModelFiles(directory: string, except: string, cache: ModelFilesCache): Promise<ModelFiles> {
  const known = modelOf(cache, directory);
  const names = new Set(await readdir(directory).catch(() => []));
  const wanted = [...TEXTS, INDEX].filter((name) => names.has(name) && name !== except);
  const present = [...wanted, ...[...names].filter((name) => isPlainName(name))];
  const stamps = new Map(await inParallel(present, async (name) => [name, await stampOf(join(directory, name))] as const));
  const all = [...stamps].map(([name, stamp]) => `${name} ${stamp}`).join('\n');
  const ready = known.answers.get(except);
  if (ready?.stamps === all) return ready.files;

  const texts = new Map<string, string>();
  await inParallel(wanted, async (name) => {
    const text = await textOf(known, directory, name, stamps.get(name) ?? null);
    if (text !== null) texts.set(name, text);
  });
  const weights = [...stamps].filter(([name]) => isPlainName(name) || name === INDEX);
  const tableStamps = weights.map(([name, stamp]) => `${name} ${stamp}`).join('\n');
  if (known.table?.stamps !== tableStamps) {
    known.table = { stamps: tableStamps, table: await readTable(known, directory, stamps, texts.get(INDEX) ?? null) };
  }
  const files: ModelFiles = { texts, tensors: known.table.table };
  known.answers.set(except, { stamps: all, files });
  return files;
}

async function readTable(
  known: KnownModel,
  directory: string,
  stamps: ReadonlyMap<string, string | null>,
  indexText: string | null,
): Promise<TensorTable | null> {
  const { placement, problem } = indexText === null || stamps.has('model.safetensors') ? { placement: null, problem: null } : readPlacement(parsed(indexText));
  const names = shardNames(stamps, placement);
  if (names.length === 0 && placement === null && problem === null) return null;
  const problems = problem === null ? [] : [problem];
  const missing = names.filter((name) => !stamps.has(name));
  const [first] = missing;
  if (first !== undefined) problems.push(`${missing.length} of ${names.length} files that ${INDEX} names are not there (${first} ...)`);
  const roots = await allowedRoots(directory);
  const read = await inParallel(
    names.filter((name) => stamps.has(name)),
    async (name) => [name, await shardOf(known, directory, name, stamps.get(name) ?? null, roots)] as const,
  );
  const shards: Shard[] = [];
  for (const [name, shard] of read) {
    if (shard.tensors !== null) shards.push({ name, tensors: shard.tensors });
    if (shard.problem !== null) problems.push(`${name}: ${shard.problem}`);
  }
  return tensorTable(shards, placement, problems);
}

/** model.safetensors, or the shards of the index; without either what is there, but for adapters and other copies of the weights. */
function shardNames(stamps: ReadonlyMap<string, string | null>, placement: ReadonlyMap<string, string> | null): readonly string[] {
  if (stamps.has('model.safetensors')) return ['model.safetensors'];
  const names = placement === null ? [...stamps.keys()].filter(isPlainName).filter((name) => !/^(?:adapter|consolidated)/.test(name)) : placement.values();
  return [...new Set(names)].sort().slice(0, limits.shards);
}

async function shardOf(known: KnownModel, directory: string, name: string, stamp: string | null, roots: readonly string[]): Promise<ReadShard> {
  const ready = known.shards.get(name);
  if (stamp !== null && ready?.stamp === stamp) return ready.value;
  const value = await readShard(join(directory, name), roots);
  if (stamp === null) known.shards.delete(name);
  else known.shards.set(name, { stamp, value });
  return value;
}

async function readShard(file: string, roots: readonly string[]): Promise<ReadShard> {
  try {
    const real = await realpath(file);
    if (!roots.some((root) => real.startsWith(root + sep))) return { tensors: null, problem: 'a link out of the model directory; it is not read' };
    const handle = await open(real, 'r');
    try {
      const { size } = await handle.stat();
      const length = headerLength(await readExactly(handle, 0, Math.min(8, size)), size);
      return { tensors: parseHeader(await readExactly(handle, 8, length), size).tensors, problem: null };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    return { tensors: null, problem: clip(cause instanceof Error ? cause.message : String(cause)) };
  }
}

async function readExactly(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
  return bytes;
}

async function textOf(known: KnownModel, directory: string, name: string, stamp: string | null): Promise<string | null> {
  const ready = known.texts.get(name);
  if (stamp !== null && ready?.stamp === stamp) return ready.value;
  const limit = name === INDEX ? limits.indexBytes : limits.configBytes;
  const bytes = Number(stamp?.split(' ')[1] ?? Number.POSITIVE_INFINITY);
  const value = bytes > limit ? null : await readFile(join(directory, name), 'utf8').catch(() => null);
  if (stamp !== null) known.texts.set(name, { stamp, value });
  return value;
}

/** Time and size; null when it is not there or not a file. */
async function stampOf(file: string): Promise<string | null> {
  const info = await stat(file).catch(() => null);
  return info?.isFile() === true ? `${info.mtimeMs} ${info.size} ${info.ino}` : null;
}

/** The directory itself; in a Hugging Face cache (models--x/snapshots/<revision>) also models--x/blobs, where its files really lie. */
async function allowedRoots(directory: string): Promise<readonly string[]> {
  const root = await realpath(directory).catch(() => directory);
  const snapshots = dirname(root);
  return basename(snapshots) === 'snapshots' ? [root, join(dirname(snapshots), 'blobs')] : [root];
}

function modelOf({ models }: ModelFilesCache, directory: string): KnownModel {
  const known: KnownModel = models.get(directory) ?? { texts: new Map(), shards: new Map(), answers: new Map(), table: null };
  // The last used comes last; the first is given up.
  models.delete(directory);
  models.set(directory, known);
  for (const oldest of models.keys()) {
    if (models.size <= KEPT_MODELS) break;
    models.delete(oldest);
  }
  return known;
}

/** Results in the order of `items`. */
async function inParallel<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = new Array<Result>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next;
      next += 1;
      const item = items[at];
      if (item !== undefined) results[at] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, worker));
  return results;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
