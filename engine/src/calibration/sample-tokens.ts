// How many of the calibration tokens a search within a block is made on.
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';

/** Enough to tell good scales from bad ones. */
const mostTokens = 4096;
/** Of what the widest linear reads. */
const mostBytes = 2 ** 28;

export function sampleTokens(shape: ModelShape): number {
  return Math.min(mostTokens, Math.floor(mostBytes / (4 * widestInput(shape))));
}

export function widestInput({ hiddenSize, intermediateSize, heads, headDim }: ModelShape): number {
  return Math.max(hiddenSize, intermediateSize, heads * headDim);
}
