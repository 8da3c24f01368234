// SmoothQuant: moves the largest activations of every channel into the weights that read it, s = max|x|^alpha / max|w|^(1 - alpha).
// Formula and source: README.md in this folder.
import { foldPair, mergeEdits } from '../folding.ts';
import type { BlockEdit, Transform } from '../transform.ts';

/** As mit-han-lab/smoothquant :: smooth_ln_fcs; the paper's default, too. */
export const defaultAlpha = 0.5;

/** Below it, weights and scales count as this. */
const least = 1e-5;

export const smoothquant: Transform = {
  id: 'smoothquant',
  uses: (pair) => pair.producer.kind === 'norm',
  async transform(block) {
    const asked = block.recipe.smoothquant?.alpha ?? defaultAlpha;
    const alpha = asked === 'auto' ? defaultAlpha : asked;
    const edits: BlockEdit[] = [];
    if (block.pairs.length === 0) return mergeEdits(edits);
    const magnitudeOf = await block.inputs.magnitudes(block.pairs.map(({ input }) => input));
    for (const pair of block.pairs) {
      block.signal?.throwIfAborted();
      const weights = new Float32Array(pair.width);
      for (const consumer of pair.consumers) {
        const columns = await block.binding.columnMagnitudes(await block.matrix(consumer), 'max');
        for (const [channel, magnitude] of columns.entries()) weights[channel] = Math.max(weights[channel] ?? 0, magnitude);
      }
      edits.push((await foldPair(block, pair, smoothScales(magnitudeOf(pair.input), weights, alpha))).edit);
    }
    return mergeEdits(edits);
  },
};

/**
 * Scales of channels from the largest |x| and |w| of each. A channel without any input gets 1: the reference's 1e-5 would only make its weights vanish.
 * What is not finite gets 1 too; the quantizer names it.
 */
export function smoothScales(inputs: Float32Array, weights: Float32Array, alpha: number): Float32Array {
  return inputs.map((input, channel) => {
    const scale = Math.fround(Math.fround(input ** alpha) / Math.fround(Math.max(weights[channel] ?? 0, least) ** (1 - alpha)));
    return input === 0 || !Number.isFinite(scale) ? 1 : Math.max(scale, least);
  });
}
