// What the searches hold in memory, for the plan. Pure.
import { sampleTokens, widestInput } from '../../calibration/sample-tokens.ts';
import type { PhaseDemand } from '../../pipeline/memory/phase.ts';
import type { TransformDemand } from '../transform.ts';

/** V8 looks for unused buffers when 64 MiB were allocated since it last did, and the last of them are large. */
const uncollectedBytes = 96 * 2 ** 20;
/** More hidden states than this lie in a file (calibration/memory.ts). */
const statesInMemory = 512 * 2 ** 20;

export function awqDemand({ config, sequences, modules }: TransformDemand): PhaseDemand {
  const { shape } = config;
  const length = Math.max(1, ...sequences.map((sequence) => sequence.length));
  const all = sequences.reduce((sum, sequence) => sum + sequence.length, 0);
  const tokens = Math.min(all, Math.max(length, sampleTokens(shape)));
  const weights = modules.map((linears) => linears.reduce((sum, { rows, cols }) => sum + rows * cols, 0));
  const matrix = Math.max(0, ...modules.flat().map(({ rows, cols }) => rows * cols));
  const states = 4 * shape.hiddenSize * all;
  const parts = [
    // What was seen, once in the program and once out of it.
    { what: 'what linears read', bytes: 2 * 4 * tokens * widestInput(shape) },
    { what: 'what parts of the block give', bytes: 3 * 4 * tokens * shape.hiddenSize },
    // Gate and up at once, each as an array and as a weight; and those of the try before.
    { what: 'rounded matrices', bytes: 6 * 4 * matrix },
    { what: 'edited matrices, twice', bytes: 2 * 4 * Math.max(0, ...weights) },
    { what: 'buffers that wait to be collected', bytes: uncollectedBytes },
  ];
  const least = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const held = states <= statesInMemory ? [{ what: 'hidden states', bytes: states }] : [];
  return {
    memory: (budgetBytes) => ({ phase: 'search', at: 'the largest block', parts: least + states <= budgetBytes ? [...parts, ...held] : parts }),
    advice: [],
  };
}
