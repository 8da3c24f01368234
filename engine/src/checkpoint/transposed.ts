// Matrices that a checkpoint stores as [in, out] (GPT-2), as every kernel, method and layout wants them: [out, in].
import type { DenseSource } from '@quantwright/native/binding';
import type { MappedCheckpoint } from './mapped.ts';
import { expectTensor } from './quantized/stored.ts';

/** An f32 copy [rows, cols] of the tensor stored as [cols, rows]; f16 and bf16 widen exactly. Throws kind `checkpoint` for another shape or type. */
export async function transposedDense(mapped: MappedCheckpoint, name: string, rows: number, cols: number): Promise<DenseSource> {
  expectTensor(mapped, name, ['F32', 'F16', 'BF16'], [cols, rows]);
  const values = transpose(await mapped.floats(name), cols, rows);
  return { type: 'f32', rows, cols, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** [rows, cols] -> [cols, rows], in tiles that stay in cache. */
export function transpose(values: Float32Array, rows: number, cols: number): Float32Array {
  const tile = 32;
  const out = new Float32Array(values.length);
  for (let top = 0; top < rows; top += tile)
    for (let left = 0; left < cols; left += tile)
      for (let row = top; row < Math.min(top + tile, rows); row += 1)
        for (let col = left; col < Math.min(left + tile, cols); col += 1) out[col * rows + row] = values[row * cols + col] ?? 0;
  return out;
}
