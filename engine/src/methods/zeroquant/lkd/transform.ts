// LKD: a block learns the outputs of its unquantized self. What is trained are its float weights; the method behind this one rounds them. Formulas, sources and
// what is done differently: README.md in the folder above.
import { chosenBlocks } from '@quantwright/schemas/recipe/lkd-blocks';
import type { Transform } from '../../transform.ts';
import { trainBlock } from './train-block.ts';

export const lkd: Transform = {
  id: 'zeroquant',
  uses: () => false,
  runsBlock: true,
  async transform(block) {
    const options = block.recipe.zeroquant?.lkd ?? null;
    const edit = { tensors: new Map(), matrices: new Map() };
    const chosen = options === null ? [] : chosenBlocks(options, block.layers);
    // The judge has refused blocks that are not there.
    if (options === null || typeof chosen === 'string' || !chosen.includes(block.layer)) return edit;
    const { training, matrices } = await trainBlock(block, options);
    if (matrices !== null) return { ...edit, training, trained: matrices };
    const { before, after } = training;
    const warning =
      `block ${block.layer}: lkd did not bring it nearer to what it gives in full precision (mean squared error ${before.toPrecision(4)} before, ` +
      `${after.toPrecision(4)} behind ${options.steps} steps), so its weights stay as they were; a smaller "learning_rate" than ${options.learningRate} may do better`;
    return { ...edit, training: { ...training, after: before }, warnings: [warning] };
  },
};
