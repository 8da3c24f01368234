// The hidden states of the calibration sequences between two blocks: in memory, or in a file that is read and written in the order of the sequences, so that
// their number costs disk and not memory. Both hold the same bits.
import { type FileHandle, open, rm } from 'node:fs/promises';
import { EngineError, fileError } from '../errors.ts';

export interface HiddenStates {
  /** [tokens, width] of a sequence; to be used before the next write of it. */
  read(sequence: number): Promise<Float32Array>;
  write(sequence: number, values: Float32Array): Promise<void>;
  /** Removes the file. */
  close(): Promise<void>;
}

/** `tokens`: of every sequence. `file`: where they spill; null: they stay in memory. */
export async function createHiddenStates(tokens: readonly number[], width: number, file: string | null): Promise<HiddenStates> {
  if (file === null) return inMemory();
  const handle = await open(file, 'w+').catch((cause: unknown) => {
    throw fileError('create', file, cause);
  });
  const offsets: number[] = [];
  let bytes = 0;
  for (const count of tokens) {
    offsets.push(bytes);
    bytes += count * width * 4;
  }
  return {
    read: (sequence) => readFrom(handle, file, offsets[sequence] ?? 0, (tokens[sequence] ?? 0) * width),
    write: (sequence, values) => writeTo(handle, file, offsets[sequence] ?? 0, values),
    close: async () => {
      await handle.close();
      await rm(file, { force: true });
    },
  };
}

function inMemory(): HiddenStates {
  const states: Float32Array[] = [];
  return {
    read: async (sequence) => states[sequence] ?? new Float32Array(),
    write: async (sequence, values) => {
      const state = states[sequence];
      if (state === undefined) states[sequence] = values.slice();
      else state.set(values);
    },
    close: async () => {
      states.length = 0;
    },
  };
}

async function readFrom(handle: FileHandle, file: string, position: number, length: number): Promise<Float32Array> {
  const values = new Float32Array(length);
  const bytes = new Uint8Array(values.buffer);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done).catch((cause: unknown) => {
      throw fileError('read', file, cause);
    });
    if (bytesRead === 0) throw new EngineError('io', `${file} ended at byte ${position + done}; another program cut it short`, { file });
    done += bytesRead;
  }
  return values;
}

async function writeTo(handle: FileHandle, file: string, position: number, values: Float32Array): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done).catch((cause: unknown) => {
      throw fileError('write', file, cause);
    });
    done += bytesWritten;
  }
}
