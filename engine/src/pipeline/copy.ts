// Copies tensors that stay as they are, a piece at a time: an embedding can be larger than all the rest of the working memory.
// Looks for NaN and infinities on the way and reports them by name; whether they hurt is not known here, so they do not end the job.
import type { DenseType, NativeBinding } from '@quantwright/native/binding';
import type { Dtype } from '../checkpoint/dtype.ts';
import type { TensorInfo } from '../checkpoint/header.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import { ioError } from './bands.ts';
import { inTurns } from './in-turns.ts';
import type { ModelSink } from './sink.ts';

/** What copies hold at once, in mapped pages. */
export const copiedAtOnceBytes = 8 * 1024 * 1024;
/** One copy keeps one core busy: the embedding and the head go side by side. */
export const tensorsAtOnce = 2;
export const pieceBytes = copiedAtOnceBytes / tensorsAtOnce;

/** Returns warnings. Throws kind `io` when the file cannot be written. */
export async function copyTensors(
  binding: NativeBinding,
  mapped: MappedCheckpoint,
  tensors: readonly TensorInfo[],
  sink: Pick<ModelSink, 'claim'>,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const warnings: (string | undefined)[] = [];
  await inTurns([...tensors.entries()], tensorsAtOnce, async ([index, tensor]) => {
    signal?.throwIfAborted();
    const { path, offset } = sink.claim(tensor.name);
    const bad = await binding
      .copyToFile(mapped.place(tensor.name), path, offset, pieceBytes, checkedTypes[tensor.dtype] ?? null)
      .catch((cause: unknown) => Promise.reject(ioError(cause, path)));
    mapped.release(tensor.name);
    if (bad !== null) warnings[index] = `${tensor.name} [${place(bad, tensor.shape)}] is not a finite number (NaN or infinity); it was copied as it is`;
  });
  return warnings.filter((warning) => warning !== undefined);
}

/** The others have no such values, or are not looked at. */
const checkedTypes: Readonly<Partial<Record<Dtype, DenseType>>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

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
