// What the output of a layer lost: the Hessian of its inputs, and the error of a restored matrix under it.
import assert from 'node:assert/strict';
import type { NativeBinding } from '@quantwright/native/binding';

/** X^T X [width, width] of x [tokens, width] by the operation that calibration uses. */
export async function observedHessian(binding: NativeBinding, x: Float32Array, tokens: number, width: number): Promise<Float32Array> {
  const program = binding.createProgram({ input: 'hidden', values: [width], body: [{ op: 'observe', in: 0, kind: 'hessian', slot: 0 }], head: [], output: 0 });
  await program.run(program.createSession(tokens, 'f32'), x, 'none');
  return program.observed(0) ?? assert.fail('nothing was observed');
}

/** sum over tokens of |(W - W') x|^2 = trace((W - W') X^T X (W - W')^T). */
export function outputError(weight: ArrayLike<number>, restored: Float32Array, hessian: Float32Array, rows: number, cols: number): number {
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const difference = Float64Array.from({ length: cols }, (_, col) => (weight[row * cols + col] ?? 0) - (restored[row * cols + col] ?? 0));
    for (let i = 0; i < cols; i++) {
      let sum = 0;
      for (let j = 0; j < cols; j++) sum += (hessian[i * cols + j] ?? 0) * (difference[j] ?? 0);
      total += sum * (difference[i] ?? 0);
    }
  }
  return total;
}
