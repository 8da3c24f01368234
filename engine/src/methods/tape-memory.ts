// What running a block on a tape holds, for the plans of methods that train. Pure.
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';

/** Gradients that live at once, beside the values of a block (kernels/program/backward). */
const gradientShare = 0.5;

/** Values of a block for so many tokens, with their gradients. */
export function tapeBytes({ hiddenSize, heads, kvHeads, headDim, intermediateSize }: ModelShape, tokens: number): number {
  const width = 8 * hiddenSize + 3 * (heads + kvHeads) * headDim + 3 * intermediateSize;
  return 4 * tokens * width * (1 + gradientShare);
}
