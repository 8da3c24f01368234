// Copies tensors that stay as they are, a piece at a time: an embedding can be larger than all the rest of the working memory.
// Looks for NaN and infinities on the way and reports them by name; whether they hurt is not known here, so they do not end the job.

import type { TensorInfo } from '../checkpoint/header.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { ModelSink } from './sink.ts';

/** Also what a copy holds at once: a mapped piece and the bytes read from it. */
export const pieceBytes = 8 * 1024 * 1024;

/** Returns warnings. */
export async function copyTensors(
  mapped: MappedCheckpoint,
  tensors: readonly TensorInfo[],
  sink: ModelSink,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const warnings: string[] = [];
  for (const tensor of tensors) {
    signal?.throwIfAborted();
    let bad: number | null = null;
    let elements = 0;
    const looked = function* (): Iterable<Uint8Array> {
      for (const piece of pieces(mapped, tensor)) {
        const found = bad === null ? notFinite(piece, tensor.dtype) : null;
        if (found !== null) bad = elements + found;
        elements += piece.length / width(tensor.dtype);
        yield piece;
      }
    };
    await sink.write(tensor.name, looked());
    mapped.release(tensor.name);
    if (bad !== null) warnings.push(`${tensor.name} [${place(bad, tensor.shape)}] is not a finite number (NaN or infinity); it was copied as it is`);
  }
  return warnings;
}

function* pieces(mapped: MappedCheckpoint, tensor: TensorInfo): Iterable<Uint8Array> {
  const { file, offset, length: total } = mapped.place(tensor.name);
  for (let done = 0; done < total; done += pieceBytes) {
    const length = Math.min(pieceBytes, total - done);
    yield file.read(offset + done, length);
    file.release(offset + done, length);
  }
}

/** Index of the first element whose exponent bits are all ones; null when there is none or the type has no such values. */
function notFinite(piece: Uint8Array, dtype: TensorInfo['dtype']): number | null {
  // `read` gives buffers that begin at byte 0; a piece of 8 MiB holds whole elements.
  const [values, mask] =
    dtype === 'F32'
      ? [new Uint32Array(piece.buffer, piece.byteOffset, piece.length >> 2), 0x7f800000]
      : dtype === 'BF16'
        ? [new Uint16Array(piece.buffer, piece.byteOffset, piece.length >> 1), 0x7f80]
        : dtype === 'F16'
          ? [new Uint16Array(piece.buffer, piece.byteOffset, piece.length >> 1), 0x7c00]
          : [new Uint8Array(0), 0xff];
  for (let index = 0; index < values.length; index++) if (((values[index] ?? 0) & mask) === mask) return index;
  return null;
}

function width(dtype: TensorInfo['dtype']): number {
  return dtype === 'F32' ? 4 : dtype === 'BF16' || dtype === 'F16' ? 2 : 1;
}

/** Flat index -> row, column ... */
function place(flat: number, shape: readonly number[]): string {
  const out: number[] = [];
  let rest = flat;
  for (const size of [...shape].reverse()) {
    out.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return out.join(', ');
}
