// What the search of alpha holds in memory, and the settings that keep it within a budget: alphas that go through the model together, and hidden states in a file.
// Fewer bytes cost passes and disk, never a bit of the curve. Pure.
import type { ModelConfig } from '../../model/config.ts';
import { type MemoryPart, type PhaseDemand, phaseBytes } from '../../pipeline/memory/phase.ts';
import type { PlannedModule } from '../../pipeline/plan.ts';
import type { HeldOut } from './held-out.ts';

export interface AlphaSettings {
  /** Alphas of a pass. */
  readonly together: number;
  /** Hidden states of the text that is learnt from lie in a file between blocks. */
  readonly spill: boolean;
}

export interface AlphaJob {
  readonly config: ModelConfig;
  readonly blocks: readonly (readonly PlannedModule[])[];
  readonly sequences: HeldOut;
  readonly alphas: number;
}

/** More hidden states than this spill without a limit too, and no more alphas go together than have room in it. */
const statesInMemory = 512 * 2 ** 20;
/** V8 looks for unused buffers when this much was allocated since it last did. */
const uncollectedBytes = 64 * 2 ** 20;

/** The most alphas in a pass that `budgetBytes` beyond the process's base have room for. */
export function alphaSettings(job: AlphaJob, budgetBytes: number): AlphaSettings {
  const fits = (settings: AlphaSettings): boolean => phaseBytes({ phase: '', at: '', parts: parts(job, settings) }) <= budgetBytes;
  const most = Math.max(1, Math.min(job.alphas, Math.floor(statesInMemory / stateBytes(job, job.sequences.held)) - 2));
  const first = { together: most, spill: stateBytes(job, job.sequences.seen) > statesInMemory };
  if (fits(first)) return first;
  for (let together = most; together > 1; together--) if (fits({ together, spill: true })) return { together, spill: true };
  return { together: 1, spill: true };
}

export function alphaDemand(job: AlphaJob): PhaseDemand {
  const at = largestBlock(job)[0]?.module.replace(/(\.\d+)\..*$/, '$1') ?? 'the model';
  return { memory: (budgetBytes) => ({ phase: 'search alpha in', at, parts: parts(job, alphaSettings(job, budgetBytes)) }), advice: [] };
}

function parts(job: AlphaJob, { together, spill }: AlphaSettings): readonly MemoryPart[] {
  const { held, seen } = job.sequences;
  const { vocabSize, intermediateSize, hiddenSize } = job.config.shape;
  const longest = Math.max(1, ...held.map(({ length }) => length), ...seen.map(({ length }) => length));
  const block = largestBlock(job);
  const weights = block.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  const largest = Math.max(0, ...block.map(({ rows, cols }) => rows * cols));
  const mapped = block.reduce((sum, { source }) => sum + source.weight.bytes, 0);
  const stored = block.reduce((sum, { bytes }) => sum + bytes, 0);
  // The smoothed block in f32, its stored form packed for the kernels, and codes of one matrix with the copies that packing makes.
  const working = [
    { what: 'mapped block', bytes: mapped },
    { what: 'smoothed block in f32', bytes: 4 * weights },
    { what: 'packed block and codes', bytes: 2 * stored + 8 * largest },
    { what: 'values of a sequence', bytes: 4 * longest * (8 * hiddenSize + 4 * intermediateSize) },
  ];
  const head = [
    { what: 'logits of a sequence', bytes: 8 * longest * vocabSize },
    { what: 'output matrix', bytes: 4 * vocabSize * hiddenSize },
  ];
  const sum = (some: readonly MemoryPart[]): number => some.reduce((total, { bytes }) => total + bytes, 0);
  return [
    // Those of all alphas and of the model as it was, and those that a block is making.
    { what: 'hidden states of alphas', bytes: (together + 2) * stateBytes(job, held) },
    { what: 'hidden states of the text', bytes: spill ? 0 : 2 * stateBytes(job, seen) },
    ...(sum(working) > sum(head) ? working : head),
    { what: 'buffers not collected yet', bytes: uncollectedBytes },
  ];
}

function stateBytes({ config }: AlphaJob, sequences: readonly Int32Array[]): number {
  return 4 * config.shape.hiddenSize * sequences.reduce((sum, { length }) => sum + length, 0);
}

function largestBlock({ blocks }: AlphaJob): readonly PlannedModule[] {
  const weights = (modules: readonly PlannedModule[]): number => modules.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  return blocks.reduce((most, modules) => (weights(modules) > weights(most) ? modules : most), []);
}
