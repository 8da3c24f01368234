// What training holds in memory, for the plan. Pure.
import type { PhaseDemand, PhaseMemory } from '../../pipeline/memory/phase.ts';
import { tapeBytes } from '../tape-memory.ts';
import type { TransformDemand } from '../transform.ts';
import { teqDefaults } from './defaults.ts';

/** What values of blocks may take beyond those of one without a limit: it saves running each block twice. */
const sparedBytes = 2 ** 30;

/** Logits of a piece of the head and their gradient, and the output matrix while it is widened. */
function headBytes(vocabSize: number, hiddenSize: number): number {
  return 2 * Math.max(16 * 2 ** 20, 256 * vocabSize * 4) + 4 * vocabSize * hiddenSize;
}

/** Values of a block for the sequences of one step, with their gradients. */
function blockBytes({ config, sequences, recipe }: TransformDemand): number {
  return tapeBytes(config.shape, stepTokens(sequences, recipe));
}

function stepTokens(sequences: TransformDemand['sequences'], recipe: TransformDemand['recipe']): number {
  return sequences.slice(0, (recipe.teq ?? teqDefaults).batchSize).reduce((sum, { length }) => sum + length, 0);
}

/** What values of all blocks may take beyond those of one. */
export function spareBytes(demand: TransformDemand, budgetBytes: number): number {
  const least = leastMemory(demand).parts.reduce((sum, { bytes }) => sum + bytes, 0);
  return Math.max(0, Math.min(sparedBytes, budgetBytes - least));
}

export function teqDemand(demand: TransformDemand): PhaseDemand {
  const { mode } = demand.recipe.teq ?? teqDefaults;
  const ofBlocks = leastMemory({ ...demand, recipe: { ...demand.recipe, teq: { ...(demand.recipe.teq ?? teqDefaults), mode: 'layer_wise' } } });
  const all = mode === 'lm_loss' ? demand.config.shape.layers * blockBytes(demand) : 0;
  return {
    memory: (budgetBytes) => {
      const least = leastMemory(demand);
      const kept = all <= spareBytes(demand, budgetBytes) ? all : 0;
      return { ...least, parts: [...least.parts, ...(kept > 0 ? [{ what: 'values of all blocks', bytes: kept }] : [])] };
    },
    advice: mode === 'lm_loss' ? [{ setting: '"teq": {"mode": "layer_wise"}', leastBytes: ofBlocks.parts.reduce((sum, { bytes }) => sum + bytes, 0) }] : [],
  };
}

function leastMemory(demand: TransformDemand): PhaseMemory {
  const { config, sequences, recipe, modules } = demand;
  const { hiddenSize, layers, vocabSize } = config.shape;
  const weights = modules.map((linears) => linears.reduce((sum, { rows, cols }) => sum + rows * cols, 0));
  const values = { what: 'values of a block', bytes: blockBytes(demand) };
  if ((recipe.teq ?? teqDefaults).mode === 'layer_wise') {
    const hidden = 4 * hiddenSize * sequences.reduce((sum, { length }) => sum + length, 0);
    const matrices = { what: 'matrices of a block in f32, twice', bytes: 8 * Math.max(0, ...weights) };
    return { phase: 'train', at: 'the largest block', parts: [matrices, { what: 'hidden states of all sequences, twice', bytes: 2 * hidden }, values] };
  }
  return {
    phase: 'train',
    at: 'all blocks',
    parts: [
      { what: 'matrices of the model in f32, twice', bytes: 8 * weights.reduce((sum, count) => sum + count, 0) },
      { what: 'inputs of all blocks', bytes: 4 * stepTokens(sequences, recipe) * hiddenSize * (layers + 3) },
      values,
      { what: 'output matrix and logits', bytes: headBytes(vocabSize, hiddenSize) },
    ],
  };
}
