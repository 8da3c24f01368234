// Opens a GGUF model: one file, or the parts name-00001-of-0000N.gguf of one. Reads headers only.
import { open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { EngineError, fileError } from '../../errors.ts';
import { MoreBytesNeeded } from './bytes.ts';
import { type GgufHeader, type GgufTensor, parseGgufHeader } from './header.ts';
import { type GgufMetadata, ggufMetadata } from './metadata.ts';

export interface GgufModel {
  readonly path: string;
  readonly files: readonly string[];
  /** Bytes of all files. */
  readonly fileBytes: number;
  /** Of the first file. */
  readonly metadata: GgufMetadata;
  /** Of all files, by name. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** Headers of models with 256k tokens have about 20 MB. */
const headSizes = [1 << 23, 1 << 26, 1 << 28];

/** Whether a path is spelled as a GGUF file. */
export function isGgufPath(path: string): boolean {
  return /\.gguf$/i.test(path);
}

/** `path`: the file, or any of its parts. Throws kind `input`, `io` or `checkpoint`. */
export async function openGguf(path: string): Promise<GgufModel> {
  const files = partsOf(path);
  const headers: GgufHeader[] = [];
  for (const file of files) headers.push(await readGgufHeader(file));
  const [first] = headers;
  if (first === undefined) throw new EngineError('input', `${path} names no part of a GGUF file`, { file: path });
  const metadata = ggufMetadata(first.metadata, first.file);
  checkParts(metadata, headers, path);
  const tensors = new Map<string, GgufTensor>();
  for (const header of headers) {
    for (const [name, tensor] of header.tensors) {
      const other = tensors.get(name);
      if (other !== undefined)
        throw new EngineError('checkpoint', `tensor ${name} is in two files: ${other.file} and ${tensor.file}`, { file: tensor.file, tensor: name });
      tensors.set(name, tensor);
    }
  }
  const stated = metadata.count('split.tensors.count');
  if (stated !== null && stated !== tensors.size)
    throw new EngineError('checkpoint', `${path}: the parts hold ${tensors.size} tensors, but split.tensors.count says ${stated}; download them again`, {
      file: path,
    });
  return { path, files, fileBytes: headers.reduce((sum, header) => sum + header.fileBytes, 0), metadata, tensors };
}

export async function readGgufHeader(file: string): Promise<GgufHeader> {
  const info = await stat(file).catch((cause: unknown) => {
    throw fileError('open', file, cause);
  });
  if (!info.isFile()) throw new EngineError('input', `${file} is no file`, { file });
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw fileError('open', file, cause);
  });
  try {
    for (const size of headSizes) {
      const head = new Uint8Array(Math.min(size, info.size));
      const { bytesRead } = await handle.read(head, 0, head.length, 0);
      try {
        return parseGgufHeader(head.subarray(0, bytesRead), file, info.size);
      } catch (cause) {
        if (!(cause instanceof MoreBytesNeeded)) throw cause;
      }
    }
  } catch (cause) {
    throw cause instanceof EngineError ? cause : fileError('read', file, cause);
  } finally {
    await handle.close();
  }
  throw new EngineError('checkpoint', `${file}: the header is longer than the limit of ${headSizes.at(-1)} bytes`, { file });
}

/** More parts than any published model has. */
const mostParts = 1_000;

function partsOf(path: string): string[] {
  const split = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i.exec(basename(path));
  if (split === null) return [path];
  const [, name = '', , count = '', ending = ''] = split;
  const parts = Number(count);
  if (parts < 1 || parts > mostParts) throw new EngineError('input', `${path}: ${parts} parts; 1 to ${mostParts} can be`, { file: path });
  return Array.from({ length: parts }, (_, index) => join(dirname(path), `${name}-${String(index + 1).padStart(5, '0')}-of-${count}${ending}`));
}

function checkParts(metadata: GgufMetadata, headers: readonly GgufHeader[], path: string): void {
  const stated = metadata.count('split.count') ?? 1;
  if (stated > 1 && stated !== headers.length) {
    throw new EngineError(
      'checkpoint',
      `${path}: one of ${stated} parts; they must lie side by side under the names NAME-00001-of-${String(stated).padStart(5, '0')}.gguf ...`,
      {
        file: path,
      },
    );
  }
  for (const [index, header] of headers.entries()) {
    const own = ggufMetadata(header.metadata, header.file).count('split.no');
    if (headers.length > 1 && own !== null && own !== index)
      throw new EngineError('checkpoint', `${header.file}: split.no is ${own}, but the name says part ${index + 1}, which is number ${index}`, {
        file: header.file,
      });
  }
}
