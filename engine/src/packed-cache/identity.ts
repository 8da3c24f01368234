// Which checkpoint this is, in three depths: `key` from headers and configs (cheap, the same for models of one shape), `stamp` from what the file
// system says and samples of the data (cheap, tells every write), and the hash of all data (as slow as memory, tells every byte).
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MappedFile, NativeBinding } from '@quantwright/native/binding';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { version } from '../version.ts';

export interface CheckpointIdentity {
  /** Of headers, quantization configs, this version's readers and packed layouts. 32 hexadecimal digits. */
  readonly key: string;
  /** Of size, inode, times and samples of every file. 64 hexadecimal digits. */
  readonly stamp: string;
  /** False while a file is so new that another write might bear the same time: then the stamp proves nothing. */
  readonly settled: boolean;
}

/** Raise it when a reader makes other weights of the same checkpoint. */
const readersVersion = 2;
const configFiles = ['config.json', 'quantize_config.json', 'quant_config.json'];
/** File systems keep times to 2 s at worst (FAT). */
const settledMs = 3000;
const samples = 32;
const sampleBytes = 4096;
/** Hashed at a time, and let go again, so that a model's pages do not all count as memory of this process. */
const hashBytes = 32 * 2 ** 20;

/** `now`: milliseconds since 1970. */
export async function identify(checkpoint: Checkpoint, binding: NativeBinding, now: number): Promise<CheckpointIdentity> {
  const key = createHash('sha256').update(`${version} ${readersVersion} ${binding.savedLayouts} ${process.arch}\0`);
  for (const name of configFiles) key.update(name).update(await readFile(join(checkpoint.path, name)).catch(() => ''));
  const stamp = createHash('sha256');
  let newest = 0;
  for (const path of checkpoint.files) {
    const { size, mtimeNs, ctimeNs, ino, dev } = await stat(path, { bigint: true });
    stamp.update(`${size} ${mtimeNs} ${ctimeNs} ${ino} ${dev}\0`);
    newest = Math.max(newest, Number(mtimeNs / 1_000_000n), Number(ctimeNs / 1_000_000n));
    withFile(path, binding, (file) => {
      const headerBytes = Math.min(file.size, 8 + Number(Buffer.from(file.read(0, 8)).readBigUInt64LE()));
      key.update(`${file.size}\0`).update(file.read(0, headerBytes));
      const step = Math.max(sampleBytes, Math.floor((file.size - headerBytes) / samples));
      for (let offset = headerBytes; offset < file.size; offset += step) stamp.update(file.read(offset, Math.min(sampleBytes, file.size - offset)));
    });
  }
  return { key: key.digest('hex').slice(0, 32), stamp: stamp.digest('hex'), settled: now - newest >= settledMs };
}

/** Hash of everything in the files. 32 hexadecimal digits. */
export async function hashContent(checkpoint: Checkpoint, binding: NativeBinding): Promise<string> {
  const content = createHash('sha256');
  for (const path of checkpoint.files) {
    const file = binding.openFile(path);
    try {
      for (let offset = 0; offset < file.size; offset += hashBytes) {
        const length = Math.min(hashBytes, file.size - offset);
        content.update(await binding.hashRange({ file, offset, length }));
        file.release(offset, length);
      }
    } finally {
      file.close();
    }
  }
  return content.digest('hex').slice(0, 32);
}

function withFile(path: string, binding: NativeBinding, body: (file: MappedFile) => void): void {
  const file = binding.openFile(path);
  try {
    body(file);
  } finally {
    file.close();
  }
}
