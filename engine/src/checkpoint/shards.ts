// Finds the safetensors files of a model directory: `model.safetensors`, or the shards of `model.safetensors.index.json`.
// Shard names are data from the internet: they cannot leave the model directory, neither by their spelling nor through a link.
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { EngineError, fileError } from '../errors.ts';
import { refusePickle } from './file.ts';
import { isJsonObject, readJsonObject } from './json-file.ts';
import { limits } from './limits.ts';
import { spell } from './spell.ts';

export interface ShardList {
  readonly files: readonly string[];
  /** File of every tensor as the index states it; null without an index. */
  readonly placement: ReadonlyMap<string, string> | null;
  readonly indexFile: string | null;
}

/** `path`: a model directory or one safetensors file. Throws kind `input` or `checkpoint`. */
export async function findShards(path: string): Promise<ShardList> {
  const info = await stat(path).catch((cause: unknown) => {
    throw fileError('open', path, cause);
  });
  if (!info.isDirectory()) {
    refusePickle(path);
    if (path.endsWith('.index.json')) return readIndex(dirname(path), path);
    return { files: [path], placement: null, indexFile: null };
  }
  const names = new Set(await readdir(path));
  if (names.has('model.safetensors')) return { files: [join(path, 'model.safetensors')], placement: null, indexFile: null };
  if (names.has('model.safetensors.index.json')) return readIndex(path, join(path, 'model.safetensors.index.json'));
  const pickle = [...names].find((name) => /\.(bin|pt|pth)$/i.test(name));
  if (pickle !== undefined) refusePickle(join(path, pickle));
  throw new EngineError('input', `${path} has no model.safetensors and no model.safetensors.index.json; give a model directory with safetensors weights`, {
    file: path,
  });
}

async function readIndex(directory: string, indexFile: string): Promise<ShardList> {
  const { weight_map: map } = await readJsonObject(indexFile, limits.indexBytes);
  if (!isJsonObject(map)) throw new EngineError('checkpoint', `${indexFile}: "weight_map" is missing or not an object`, { file: indexFile });
  const placement = new Map<string, string>();
  const shards = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') throw new EngineError('checkpoint', `${indexFile}: the shard of ${tensor} is not a file name`, { file: indexFile, tensor });
    let file = shards.get(shard);
    if (file === undefined) {
      if (shards.size >= limits.shards) throw new EngineError('checkpoint', `${indexFile}: more than ${limits.shards} shards`, { file: indexFile });
      file = await shardFile(directory, shard, indexFile, tensor);
      shards.set(shard, file);
    }
    placement.set(tensor, file);
  }
  if (placement.size === 0) throw new EngineError('checkpoint', `${indexFile}: "weight_map" names no tensor`, { file: indexFile });
  return { files: [...shards.values()].sort(), placement, indexFile };
}

async function shardFile(directory: string, shard: string, indexFile: string, tensor: string): Promise<string> {
  const place = { file: indexFile, tensor };
  // Published indexes name plain files beside themselves. Both slash kinds and drive letters are refused on every system, so that a model is safe everywhere.
  if (shard === '' || shard === '.' || shard === '..' || /[/\\:\0]/.test(shard)) {
    throw new EngineError('checkpoint', `${indexFile}: shard ${spell(shard)} (of ${tensor}) must be a plain file name in the model directory`, place);
  }
  const file = join(directory, shard);
  refusePickle(file);
  const real = await realpath(file).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new EngineError('checkpoint', `${indexFile}: shard ${shard} (of ${tensor}) is missing from ${directory}; download it again`, place);
    }
    throw fileError('open', file, cause);
  });
  const roots = await allowedRoots(directory);
  if (!roots.some((root) => real.startsWith(root + sep))) {
    throw new EngineError('checkpoint', `${indexFile}: shard ${shard} (of ${tensor}) is a link to ${real}, outside the model directory`, place);
  }
  return file;
}

/** The directory itself; in a Hugging Face cache (models--x/snapshots/<revision>) also models--x/blobs, where its files really lie. */
async function allowedRoots(directory: string): Promise<string[]> {
  const root = await realpath(directory);
  const snapshots = dirname(root);
  return basename(snapshots) === 'snapshots' ? [root, join(dirname(snapshots), 'blobs')] : [root];
}
