// Which model this is, wherever it lies: SHA-256 of its weight files' names, sizes, beginnings (where the headers are) and samples of their data, and of the
// small files that say how the weights are read. Two quantizations of one model in one layout have the same headers, so the samples tell them apart.
import { createHash } from 'node:crypto';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isGgufPath } from '../checkpoint/gguf/file.ts';
import { fileError } from '../errors.ts';

const headBytes = 2 ** 20;
const samples = 64;
const sampleBytes = 4096;
const weightFile = /\.(safetensors|gguf)$/i;
const configFiles = ['config.json', 'quantize_config.json', 'quant_config.json'];

export interface WeightFiles {
  /** 32 hexadecimal digits. */
  readonly fingerprint: string;
  readonly bytes: number;
}

/** `path`: a model directory or a GGUF file. Throws kind `input` or `io`. */
export async function fingerprintOf(path: string): Promise<WeightFiles> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const files = isGgufPath(path)
      ? [path]
      : (await readdir(path))
          .filter((name) => weightFile.test(name))
          .sort()
          .map((name) => join(path, name));
    for (const file of files) {
      const { size } = await stat(file);
      bytes += size;
      // A GGUF file may be called anything; the names of a directory's files are part of the model.
      hash.update(`${isGgufPath(path) ? '' : basename(file)}\0${size}\0`);
      await sampleFile(file, size, (part) => hash.update(part));
    }
    if (!isGgufPath(path)) for (const name of configFiles) hash.update(`${name}\0`).update(await readFile(join(path, name)).catch(() => ''));
  } catch (cause) {
    throw fileError('read', path, cause);
  }
  return { fingerprint: hash.digest('hex').slice(0, 32), bytes };
}

async function sampleFile(file: string, size: number, take: (part: Uint8Array) => void): Promise<void> {
  const handle = await open(file);
  const read = async (offset: number, most: number): Promise<void> => {
    const length = Math.min(most, size - offset);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
    take(buffer.subarray(0, bytesRead));
  };
  try {
    await read(0, headBytes);
    const step = Math.max(sampleBytes, Math.floor((size - headBytes) / samples));
    for (let offset = headBytes; offset < size; offset += step) await read(offset, sampleBytes);
  } finally {
    await handle.close();
  }
}
