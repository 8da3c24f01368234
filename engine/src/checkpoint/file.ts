// Reads the header of a safetensors file with plain file reads: for `inspect`, and for opening a checkpoint before anything is mapped.
// Never reads tensor data.
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { EngineError, fileError } from '../errors.ts';
import { headerLength, parseHeader, type SafetensorsHeader } from './header.ts';

/** Throws kind `input` or `io` when the file cannot be read, `checkpoint` when it is damaged or a pickle. */
export async function readHeader(file: string): Promise<SafetensorsHeader> {
  refusePickle(file);
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw fileError('open', file, cause);
  });
  try {
    const { size } = await handle.stat();
    const prefix = await readExactly(handle, 0, Math.min(8, size));
    const length = headerLength(prefix, file, size);
    return parseHeader(await readExactly(handle, 8, length), file, size);
  } catch (cause) {
    throw cause instanceof EngineError ? cause : fileError('read', file, cause);
  } finally {
    await handle.close();
  }
}

/** Throws kind `checkpoint` for file names of pickled checkpoints. */
export function refusePickle(file: string): void {
  if (!/\.(bin|pt|pth|pkl|ckpt)$/i.test(file)) return;
  throw new EngineError(
    'checkpoint',
    `${file} is a pickled PyTorch checkpoint. Loading a pickle runs whatever code it holds, so it is never read. ` +
      `Use the model's safetensors files, or convert ${basename(file)} on a machine that trusts it: load it with transformers, then save_pretrained(..., safe_serialization=True).`,
    { file },
  );
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
