// bitsandbytes int8 checkpoints (LLM.int8) -> weight specs: one scale a row, w = code * SCB / 127.
// Source: bitsandbytes-foundation/bitsandbytes bitsandbytes/functional.py :: int8_vectorwise_dequant; nn/modules.py :: Linear8bitLt (SCB, weight_format).
import { suffix } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import { expectTensor, fail, type LinearPlace, readBias, type StoredLinear, storedCodes } from './stored.ts';

/** Computed with 16- or 32-bit activations: the scheme's own 8-bit products would only add their error. */
export async function readBnbInt8(mapped: MappedCheckpoint, place: LinearPlace): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const weight = expectTensor(mapped, `${module}.${suffix.weight}`, ['I8'], [rows, cols]);
  const maxima = expectTensor(mapped, `${module}.${suffix.scb}`, ['F32', 'F16', 'BF16'], [rows]);
  const format = `${module}.${suffix.weightFormat}`;
  // 0: rows; the others are orders of old tensor-core kernels.
  if (mapped.checkpoint.has(format) && mapped.read(format).some((byte) => byte !== 0))
    fail(mapped.checkpoint.info(format), 'names a tiled order; only row order can be loaded');
  return {
    spec: {
      codec: 'q8',
      rows,
      cols,
      groupSize: -1,
      codes: storedCodes(mapped, weight.name, 'bytes', 8, true),
      scale: (await mapped.floats(maxima.name)).map((maximum) => maximum / 127),
      zero: new Float32Array(rows),
      scaleType: 'f32',
    },
    ...(await readBias(mapped, place)),
  };
}
