// TEQ: learns the scales of channels by gradient descent through the rounding. Formulas, modes and source: README.md in this folder.
import { foldPair, mergeEdits } from '../folding.ts';
import type { BlockEdit, Transform, TransformBlock } from '../transform.ts';
import { factorsOf } from './block.ts';
import { teqDefaults } from './defaults.ts';
import { spareBytes, teqDemand } from './memory.ts';
import { trainOnBlocks } from './train-blocks.ts';
import { trainOnModel } from './train-model.ts';

export const teq: Transform = {
  id: 'teq',
  uses: (pair) => pair.producer.kind === 'norm',
  demand: teqDemand,
  async begin(job) {
    const { mode, ...options } = job.recipe.teq ?? teqDefaults;
    const onStep = (block: number | null, step: number, loss: number): void => job.onProgress?.(block, step + 1, options.steps, loss);
    const train = mode === 'lm_loss' ? trainOnModel : trainOnBlocks;
    const places = await train(job, { ...options, spareBytes: spareBytes(job, job.budgetBytes), onStep });
    const scales = new Map(places.map(({ pair, alpha }) => [pair.producer.module, factorsOf(alpha)]));
    return { transform: (block) => folded(block, scales) };
  },
  transform: () => Promise.reject(new Error('teq is trained before its first block')),
};

/** norm.weight /= a, W *= a. */
async function folded(block: TransformBlock, scales: ReadonlyMap<string, Float32Array>): Promise<BlockEdit> {
  const edits: BlockEdit[] = [];
  for (const pair of block.pairs) {
    const scale = scales.get(pair.producer.module);
    if (scale === undefined) throw new Error(`${pair.producer.module} was not trained`);
    edits.push((await foldPair(block, pair, scale)).edit);
  }
  return mergeEdits(edits);
}
