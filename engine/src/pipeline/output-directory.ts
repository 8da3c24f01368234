// The output directory of a job: written beside its place under another name and renamed when complete, so that the name never holds half a model.
// An existing directory is kept until its replacement is complete. A killed job leaves `NAME.partial`, which the next run takes over or removes.
import { mkdir, readdir, readFile, realpath, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { EngineError, fileError } from '../errors.ts';

export interface OutputDirectory {
  /** Where to write. */
  readonly work: string;
  /** True when `work` holds what an earlier run of the same job left. */
  readonly resumed: boolean;
  commit(): Promise<void>;
  /** Removes everything that was made; safe at any time, does nothing after `commit`. */
  abort(): Promise<void>;
}

export interface OutputRequest {
  readonly out: string;
  readonly modelDir: string;
  readonly overwrite: boolean;
  readonly resume: boolean;
  /** Equal for jobs whose results are equal byte for byte. */
  readonly identity: string;
  readonly bytes: number;
}

/** Beside what is written, until it is complete. */
export const lockFile = 'job.json';

/** Throws kind `input` when the place cannot be used, `io` when it cannot be written or the disk is too full, `busy` when another process writes it. */
export async function createOutputDirectory(request: OutputRequest): Promise<OutputDirectory> {
  const out = resolve(request.out);
  await refuseOverlap(out, request.modelDir);
  await putBack(out);
  await refuseExisting(out, request.overwrite);
  const work = `${out}.partial`;
  const madeParent = await mkdir(dirname(out), { recursive: true }).catch((cause: unknown) => {
    throw fileError('create', dirname(out), cause);
  });
  const undoParents = async (): Promise<void> => {
    if (madeParent !== undefined) await rm(madeParent, { recursive: true, force: true });
  };
  try {
    await refuseFullDisk(dirname(out), request.bytes);
    const resumed = (await leftover(work, request.identity)) && request.resume;
    if (!resumed) {
      await rm(work, { recursive: true, force: true });
      await mkdir(work).catch((cause: unknown) => {
        throw fileError('create', work, cause);
      });
    }
    await writeFile(join(work, lockFile), `${JSON.stringify({ pid: process.pid, identity: request.identity })}\n`).catch((cause: unknown) => {
      throw fileError('write', join(work, lockFile), cause);
    });
    return { work, resumed, ...ending(out, work, undoParents) };
  } catch (cause) {
    await undoParents();
    throw cause;
  }
}

function ending(out: string, work: string, undoParents: () => Promise<void>): Pick<OutputDirectory, 'commit' | 'abort'> {
  let open = true;
  return {
    commit: async () => {
      await rm(join(work, lockFile), { force: true });
      const old = `${out}.replaced`;
      await rm(old, { recursive: true, force: true });
      const replaced = await renameIfThere(out, old);
      try {
        await rename(work, out);
      } catch (cause) {
        if (replaced) await rename(old, out);
        throw fileError('finish', out, cause);
      }
      open = false;
      if (replaced) await rm(old, { recursive: true, force: true });
    },
    abort: async () => {
      if (!open) return;
      open = false;
      await rm(work, { recursive: true, force: true });
      await undoParents();
    },
  };
}

async function refuseOverlap(out: string, modelDir: string): Promise<void> {
  const model = await realpath(modelDir).catch((cause: unknown) => {
    throw fileError('open', modelDir, cause);
  });
  const target = await realOrResolved(out);
  if (target === model || target.startsWith(model + sep)) {
    throw new EngineError('input', `the output ${out} lies inside the model directory ${modelDir}; choose a place beside it`, { file: out });
  }
  if (model.startsWith(target + sep)) {
    throw new EngineError('input', `the model directory ${modelDir} lies inside the output ${out}; choose another place`, { file: out });
  }
}

/** The real path of the nearest part that exists, with the rest after it: links in it cannot hide an overlap. */
async function realOrResolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realOrResolved(parent), basename(path));
  }
}

/** A job that was killed between the two renames of its end left what it was to replace under another name. */
async function putBack(out: string): Promise<void> {
  const there = await stat(out).catch(() => null);
  if (there === null) await renameIfThere(`${out}.replaced`, out);
}

async function refuseExisting(out: string, overwrite: boolean): Promise<void> {
  const names = await readdir(out).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw fileError('use the output', out, cause);
  });
  if (names === null || names.length === 0) return;
  if (!overwrite) throw new EngineError('input', `${out} exists and is not empty; choose another place, or replace it with --overwrite`, { file: out });
  // Replacing means removing: only what looks like a model is ever removed.
  if (!names.includes('config.json') && !names.some((name) => name.endsWith('.gguf')))
    throw new EngineError('input', `${out} is not a model directory (it has no config.json and no GGUF file), so it is not replaced; choose another place`, {
      file: out,
    });
}

async function refuseFullDisk(directory: string, bytes: number): Promise<void> {
  const disk = await statfs(directory);
  const free = disk.bavail * disk.bsize;
  if (free >= bytes) return;
  const mebibytes = (value: number): string => `${Math.ceil(value / 1048576)} MiB`;
  throw new EngineError('io', `${directory} has ${mebibytes(free)} free, and the result needs ${mebibytes(bytes)}; free space or choose another disk`, {
    file: directory,
  });
}

/** Whether `work` is there and belongs to this job. Throws kind `busy` when a living process holds it. */
async function leftover(work: string, identity: string): Promise<boolean> {
  const text = await readFile(join(work, lockFile), 'utf8').catch(() => null);
  if (text === null) return false;
  const held = parseLock(text);
  if (held === null) return false;
  if (held.pid !== process.pid && isAlive(held.pid))
    throw new EngineError('busy', `process ${held.pid} is writing ${work}; wait for it, or choose another output`, { file: work });
  return held.identity === identity && (await stat(work)).isDirectory();
}

function parseLock(text: string): { readonly pid: number; readonly identity: string } | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('identity' in value)) return null;
    return typeof value.pid === 'number' && typeof value.identity === 'string' ? { pid: value.pid, identity: value.identity } : null;
  } catch {
    return null; // a lock that was cut short belongs to nobody
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM';
  }
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return false;
    throw fileError('replace', from, cause);
  }
}
