// LKD: a block learns the outputs of its unquantized self. What is trained are its float weights; the method behind this one rounds them. Formulas, sources and
// what is done differently: README.md in the folder above.
import { EngineError } from '../../../errors.ts';
import type { Transform } from '../../transform.ts';
import { chosenBlocks } from './chosen-blocks.ts';
import { trainBlock } from './train-block.ts';

export const lkd: Transform = {
  id: 'zeroquant',
  uses: () => false,
  runsBlock: true,
  demand({ recipe, config }) {
    const options = recipe.zeroquant?.lkd ?? null;
    const chosen = options === null ? [] : chosenBlocks(options, config.shape.layers);
    if (typeof chosen === 'string') throw new EngineError('config', chosen, { findings: [{ code: 'QC017', message: chosen }] });
    // What it holds is declared with the hidden states that it reads (calibration/memory.ts).
    return [];
  },
  async transform(block) {
    const options = block.recipe.zeroquant?.lkd ?? null;
    const edit = { tensors: new Map(), matrices: new Map() };
    const chosen = options === null ? [] : chosenBlocks(options, block.layers);
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
