// What calibration holds in memory, declared before the work (pipeline/memory), and the settings that keep it within a budget. Fewer bytes cost time and disk,
// never a bit of the result:
//   spill    hidden states lie in a file between blocks           -> a pass reads and writes them
//   bands    quantized matrices are restored a band at a time     -> packed weights are restored once for every 256 tokens
//   apart    one Hessian at a time                                -> a pass of the block for each of its inputs
import { availableParallelism } from 'node:os';
import { chosenBlocks } from '@quantwright/schemas/recipe/lkd-blocks';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { Method } from '../methods/method.ts';
import { transforms } from '../methods/registry.ts';
import type { InputStatistic } from '../methods/w8a8_static/observed.ts';
import { trainingParts } from '../methods/zeroquant/lkd/memory.ts';
import type { MemoryPart, PhaseDemand, PhaseMemory } from '../pipeline/memory/phase.ts';
import type { PlannedModule } from '../pipeline/plan.ts';
import { bandRows, goesInRowBands } from '../pipeline/row-bands.ts';
import type { Calibration } from './prepare.ts';

export interface CalibrationSettings {
  readonly spill: boolean;
  /** How the quantized matrices of a block are held while sequences run through it. */
  readonly restored: 'whole' | 'bands';
  /** All Hessians of a block at once. */
  readonly together: boolean;
}

export interface CalibrationJob {
  readonly calibration: Pick<Calibration, 'config' | 'sequences'>;
  /** That rounds. */
  readonly method: Method;
  readonly recipe: Recipe;
  readonly blocks: readonly (readonly PlannedModule[])[];
}

/** In the order in which they are given up: the disk is the cheapest, a pass for every input the dearest. */
const choices: readonly CalibrationSettings[] = [
  { spill: false, restored: 'whole', together: true },
  { spill: true, restored: 'whole', together: true },
  { spill: true, restored: 'bands', together: true },
  { spill: true, restored: 'bands', together: false },
];

/** More hidden states than this spill without a limit too: they grow with the text, and the file costs seconds. */
const statesInMemory = 512 * 2 ** 20;

/** Settings for phases that may hold `budgetBytes` beyond the process's base. */
export function calibrationSettings(job: CalibrationJob, budgetBytes: number): CalibrationSettings {
  const [first, ...rest] = hiddenBytes(job) > statesInMemory ? choices.slice(1) : choices;
  const fits = (settings: CalibrationSettings): boolean => phases(job, settings).every((phase) => bytesOf(phase.parts) <= budgetBytes);
  const all = first === undefined ? rest : [first, ...rest];
  return all.find(fits) ?? { spill: true, restored: 'bands', together: false };
}

/** Of the file that hidden states spill to while the job runs. */
export function spillBytes(job: CalibrationJob, budgetBytes: number): number {
  return calibrationSettings(job, budgetBytes).spill ? hiddenBytes(job) : 0;
}

export function calibrationDemands(job: CalibrationJob): readonly PhaseDemand[] {
  const longest = Math.max(0, ...job.calibration.sequences.map((sequence) => sequence.length));
  const count = phases(job, { spill: true, restored: 'bands', together: false }).length;
  return Array.from({ length: count }, (_, index) => ({
    memory: (budgetBytes: number) => phases(job, calibrationSettings(job, budgetBytes))[index] ?? { phase: 'observe', at: 'block 0', parts: [] },
    advice: [
      ...(longest <= shortSequence
        ? []
        : [{ setting: `"calibration": {"sequence_length": ${shortSequence}}`, leastBytes: leastBytes(shortened(job, shortSequence), index) }]),
      ...((job.recipe.zeroquant?.lkd?.batchSize ?? 1) === 1
        ? []
        : [{ setting: '"zeroquant": {"lkd": {"batch_size": 1}}', leastBytes: leastBytes(oneAtATime(job), index) }]),
    ],
  }));
}

const shortSequence = 512;
/** Rows of a pass of the linears (kernels/program, kChunkRows). */
const chunkRows = 256;
/** Rows of a task of the solver, and of a strip of the factor (kernels/solve/gptq). */
const taskRows = 128;
/** A band of a matrix in f32 (kernels/linear/full). */
const bandBytes = 8 * 2 ** 20;
/** V8 looks for unused buffers when this much was allocated since it last did. */
const uncollectedBytes = 64 * 2 ** 20;
/** The system maps so much of a file where a byte of it is touched. */
const readAhead = 64 * 1024;

function phases(job: CalibrationJob, settings: CalibrationSettings): readonly PhaseMemory[] {
  const { calibration, recipe, blocks } = job;
  const { shape } = calibration.config;
  const states: MemoryPart = { what: 'hidden states', bytes: settings.spill ? 0 : hiddenBytes(job) };
  const run = runParts(job);
  const table: MemoryPart = { what: 'rows of the embedding table', bytes: Math.min(4 * shape.vocabSize * shape.hiddenSize, tokensOfPass(job) * readAhead) };
  const embed: PhaseMemory = { phase: 'embed', at: 'the calibration text', parts: [states, table, ...run] };
  return [
    embed,
    largest(
      blocks.map((modules, block) => ({ phase: 'observe', at: nameOf(modules, block), parts: [states, ...hessianParts(job, modules, settings), ...run] })),
    ),
    largest(
      blocks.flatMap((modules) =>
        modules.map((module) => ({
          phase: 'solve',
          at: module.module,
          parts: [states, ...hessianParts(job, modules, settings), ...edited(recipe, modules), ...solveParts(job.method, module)],
        })),
      ),
    ),
    ...trainPhase(job, states),
    largest(blocks.map((modules, block) => ({ phase: 'advance', at: nameOf(modules, block), parts: [states, restoredPart(modules, settings), ...run] }))),
  ];
}

/** Of the largest block that learns. */
function trainPhase({ calibration, recipe, blocks }: CalibrationJob, states: MemoryPart): readonly PhaseMemory[] {
  const lkd = recipe.zeroquant?.lkd ?? null;
  const chosen = lkd === null ? [] : chosenBlocks(lkd, calibration.config.shape.layers);
  if (lkd === null || typeof chosen === 'string' || chosen.length === 0) return [];
  const lengths = calibration.sequences.map(({ length }) => length);
  const parts = (block: number): readonly MemoryPart[] => trainingParts(lkd, calibration.config.shape, blocks[block] ?? [], lengths);
  const waiting = { what: 'buffers not collected yet', bytes: uncollectedBytes };
  // The teacher's; those that are stored the other way round are turned in f32.
  const stored = (block: number): MemoryPart => {
    const bytes = (blocks[block] ?? []).map(({ rows, cols, source }) => source.weight.bytes + (source.transposed ? 4 * rows * cols : 0));
    return { what: 'mapped matrices', bytes: bytes.reduce((sum, one) => sum + one, 0) };
  };
  return [largest(chosen.map((block) => ({ phase: 'train', at: `block ${block}`, parts: [states, stored(block), ...parts(block), waiting] })))];
}

function largest(candidates: readonly PhaseMemory[]): PhaseMemory {
  return candidates.reduce((most, one) => (bytesOf(one.parts) > bytesOf(most.parts) ? one : most));
}

function nameOf(modules: readonly PlannedModule[], block: number): string {
  return modules[0]?.lmHead === true ? modules[0].module : `block ${block}`;
}

/** Hidden states of all sequences in f32; twice where blocks learn on those of the quantized model. */
function hiddenBytes({ calibration: { config, sequences }, recipe }: CalibrationJob): number {
  const kept = recipe.zeroquant?.lkd?.inputs === 'quantized' ? 2 : 1;
  return kept * 4 * config.shape.hiddenSize * sequences.reduce((sum, sequence) => sum + sequence.length, 0);
}

/** Tokens that run at once. */
function tokensOfPass({ calibration: { sequences } }: Pick<CalibrationJob, 'calibration'>): number {
  const all = sequences.reduce((sum, sequence) => sum + sequence.length, 0);
  return Math.min(all, Math.max(chunkRows, ...sequences.map((sequence) => sequence.length)));
}

/** Running sequences through a block: values, caches, what goes in and out. */
function runParts({ calibration, blocks }: CalibrationJob): readonly MemoryPart[] {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = calibration.config.shape;
  const longest = Math.max(1, ...calibration.sequences.map((sequence) => sequence.length));
  const tokens = tokensOfPass({ calibration });
  const rows = Math.min(tokens, chunkRows);
  const widest = Math.max(hiddenSize, ...blocks.flat().map(({ cols }) => cols));
  const values = 4 * rows * (2 * hiddenSize + Math.max(3 * intermediateSize, 2 * (heads + kvHeads) * headDim));
  return [
    { what: 'values of a pass', bytes: values + 4 * rows * (2 * widest + longest) + bandBytes },
    { what: 'keys and values', bytes: 2 * 4 * tokens * kvHeads * headDim },
    { what: 'what goes in and out of a pass', bytes: 3 * 4 * tokens * hiddenSize + uncollectedBytes },
  ];
}

function hessianParts(job: CalibrationJob, modules: readonly PlannedModule[], { together }: CalibrationSettings): readonly MemoryPart[] {
  const { recipe } = job;
  const statistic = job.method.statistic?.(recipe);
  if (statistic !== undefined) return [{ what: 'ranges of inputs', bytes: statisticBytes(job, statistic) }];
  const widths = [...new Map(modules.map(({ source, cols }) => [source.input, cols])).values()];
  const bytes = widths.map((width) => 2 * width * (width + taskRows));
  const held = together && !recipe.trueSequential ? bytes.reduce((sum, one) => sum + one, 0) : Math.max(0, ...bytes);
  return [{ what: 'Hessians', bytes: held }];
}

/** Of the four inputs of a block, as they are kept and as they are handed over; a histogram is counted apart by every task. */
function statisticBytes({ calibration }: CalibrationJob, statistic: InputStatistic): number {
  if (statistic.kind === 'range') return 4 * 2 * 8 * calibration.sequences.reduce((sum, sequence) => sum + sequence.length, 0);
  const { hiddenSize, intermediateSize } = calibration.config.shape;
  const tasks = Math.ceil((chunkRows * Math.max(hiddenSize, intermediateSize)) / 65536);
  return statistic.bins * (4 * (8 + 4) + 4 * tasks);
}

/** Matrices as transforms left them. */
function edited(recipe: Recipe, modules: readonly PlannedModule[]): readonly MemoryPart[] {
  if (!recipe.methods.some((method) => transforms[method] !== undefined) && (recipe.zeroquant?.lkd ?? null) === null) return [];
  return [{ what: 'edited matrices', bytes: 4 * modules.reduce((sum, { rows, cols }) => sum + rows * cols, 0) }];
}

function solveParts(method: Method, module: PlannedModule): readonly MemoryPart[] {
  const { rows, cols, bytes, source } = module;
  const share = goesInRowBands(method, module) ? bandRows(module) / rows : 1;
  const tasks = Math.min(availableParallelism(), Math.ceil(rows / taskRows));
  return [
    { what: 'strips of the factor', bytes: 2 * 4 * taskRows * cols },
    { what: 'rows that are solved', bytes: tasks * 4 * cols * (taskRows + 1) },
    { what: 'mapped rows', bytes: share * source.weight.bytes },
    { what: 'codes and packed words', bytes: share * ((source.transposed ? 10 : 2) * rows * cols + 2 * bytes) },
  ];
}

function restoredPart(modules: readonly PlannedModule[], { restored }: CalibrationSettings): MemoryPart {
  const packed = modules.reduce((sum, { bytes }) => sum + bytes, 0);
  const weights = modules.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  // Beside the packed form lie the pages of the file that it was made of.
  return restored === 'whole'
    ? { what: 'the block in f32', bytes: 4 * weights + 2 * Math.max(0, ...modules.map(({ bytes }) => bytes)) }
    : { what: 'the packed block', bytes: 2 * packed };
}

function bytesOf(parts: readonly MemoryPart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

function leastBytes(job: CalibrationJob, phase: number): number {
  return bytesOf(phases(job, { spill: true, restored: 'bands', together: false })[phase]?.parts ?? []);
}

function oneAtATime(job: CalibrationJob): CalibrationJob {
  const { zeroquant } = job.recipe;
  const lkd = zeroquant?.lkd ?? null;
  return zeroquant === undefined || lkd === null ? job : { ...job, recipe: { ...job.recipe, zeroquant: { ...zeroquant, lkd: { ...lkd, batchSize: 1 } } } };
}

function shortened(job: CalibrationJob, length: number): CalibrationJob {
  const sequences = job.calibration.sequences.map((sequence) => sequence.subarray(0, length));
  return { ...job, calibration: { ...job.calibration, sequences } };
}
