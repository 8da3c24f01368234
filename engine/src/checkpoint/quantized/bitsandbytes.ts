// bitsandbytes int8 checkpoints (LLM.int8) -> weight specs: one scale a row, w = code * SCB / 127, multiplied beside outlier columns.
// Source: bitsandbytes-foundation/bitsandbytes bitsandbytes/functional.py :: int8_vectorwise_dequant; nn/modules.py :: Linear8bitLt (SCB, weight_format).
import { suffix } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import { expectTensor, fail, type LinearPlace, readBias, type StoredLinear, storedCodes } from './stored.ts';

/** `threshold`: from which magnitude on columns of x stay in floating point; 0: none do. */
export async function readBnbInt8(mapped: MappedCheckpoint, place: LinearPlace, threshold: number): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  missingScales(mapped, module);
  const weight = expectTensor(mapped, `${module}.${suffix.weight}`, ['I8'], [rows, cols]);
  const maxima = expectTensor(mapped, `${module}.${suffix.scb}`, ['F32', 'F16', 'BF16'], [rows]);
  const format = `${module}.${suffix.weightFormat}`;
  // 0: rows; the others are orders of old tensor-core kernels.
  if (mapped.checkpoint.has(format) && mapped.read(format).some((byte) => byte !== 0))
    fail(mapped.checkpoint.info(format), 'names a tiled order; only row order can be loaded');
  return {
    spec: {
      codec: 'w8a8',
      rows,
      cols,
      groupSize: -1,
      codes: storedCodes(mapped, weight.name, 'bytes', 8, true),
      scale: (await mapped.floats(maxima.name)).map((maximum) => maximum / 127),
      zero: new Float32Array(rows),
      scaleType: 'f32',
      activations: { kind: 'outliers', threshold },
    },
    ...(await readBias(mapped, place)),
  };
}

/** Says what a module without SCB is: int8 codes that nothing tells the size of. */
function missingScales(mapped: MappedCheckpoint, module: string): void {
  if (mapped.checkpoint.has(`${module}.${suffix.scb}`)) return;
  const weight = mapped.checkpoint.info(`${module}.${suffix.weight}`);
  fail(weight, `is int8 without ${module}.${suffix.scb}, which holds the scale of every row; save the model again, with its SCB tensors`);
}
