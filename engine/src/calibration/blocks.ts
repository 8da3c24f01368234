// Runs calibration sequences through a model block by block: what each linear reads is observed before the block is quantized, and the block's output, made
// with the weights that were written for it, is what the next one gets: a job that goes on where another stopped gets the same. One block of weights is in use at a time; the hidden states of all sequences are kept.
// Source of the order: algorithms section 4.3 (IST-DASLab/gptq llama.py :: llama_sequential).
import type { NativeBinding, Program, ProgramSpec, Weight } from '@quantwright/native/binding';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { LinearPlace } from '../checkpoint/quantized/stored.ts';
import type { ModelConfig } from '../model/config.ts';
import { buildBlock, buildEmbedding, buildFinalNorm } from '../model/decoder.ts';
import { type LinearInput, type Observation, observeSlot } from '../model/observations.ts';
import { checkpointWeights, type ModelWeights } from '../model/weights.ts';

export interface CalibrationBlocks {
  readonly samples: number;
  /**
   * Sums of x^T x of these inputs of the block, over all tokens; `changed` names the linears of it that are quantized or edited already.
   * The function reads one, [width, width]; asked again, it copies again.
   */
  hessians(
    layer: number,
    inputs: readonly LinearInput[],
    changed: ReadonlyMap<string, Weight>,
    vectors?: Vectors,
  ): Promise<(input: LinearInput) => Float32Array>;
  /** [width] The largest |x| of each of these inputs. */
  magnitudes(
    layer: number,
    inputs: readonly LinearInput[],
    changed: ReadonlyMap<string, Weight>,
    vectors?: Vectors,
  ): Promise<(input: LinearInput) => Float32Array>;
  /** The same of what the output matrix reads, once all blocks are done. */
  headHessian(): Promise<Float32Array>;
  /** A linear as it was written, for what is observed behind it. */
  restored(linear: LinearPlace): Promise<Weight>;
  /** Runs the block once all of it is done: as it was written, or as the model has it. */
  advance(layer: number, as?: 'written' | 'original'): Promise<void>;
}

/** Norms and biases of a block that were edited, by tensor name. */
export type Vectors = ReadonlyMap<string, Float32Array>;

export interface CalibrationBlocksOptions {
  readonly binding: NativeBinding;
  readonly mapped: MappedCheckpoint;
  /** What the job has written so far, held in f32 (`inFull`). */
  readonly written: ModelWeights;
  readonly config: ModelConfig;
  readonly sequences: readonly Int32Array[];
  /** Looked at between runs; they reject with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** After each run of some sequences. */
  readonly onProgress?: ((layer: number, sequencesDone: number) => void) | undefined;
}

/** Rows of a pass of the linears (kernels/program, kChunkRows): so many tokens run at once, and at least one sequence. */
const passRows = 256;

/** Embeds the sequences. Throws kind `checkpoint` when the model's embeddings are not as config.json says. */
export async function createCalibrationBlocks(options: CalibrationBlocksOptions): Promise<CalibrationBlocks> {
  const { binding, mapped, written, config, sequences, signal } = options;
  const length = Math.max(1, ...sequences.map((sequence) => sequence.length));
  const batch = Math.min(sequences.length, Math.max(1, Math.floor(passRows / length)));

  /** `take` gets the output of every sequence; without it none is made. */
  const run = async (
    spec: ProgramSpec,
    inputs: readonly (Int32Array | Float32Array)[],
    layer: number | null,
    take: ((index: number, output: Float32Array) => void) | null,
  ): Promise<Program> => {
    const program = binding.createProgram(spec);
    const sessions = Array.from({ length: batch }, () => program.createSession(length, 'f32'));
    for (let first = 0; first < inputs.length; first += batch) {
      signal?.throwIfAborted();
      const parts = inputs.slice(first, first + batch).flatMap((input, at) => {
        const session = sessions[at];
        session?.truncate(0);
        return session === undefined ? [] : [{ session, input, rows: take === null ? ('none' as const) : ('all' as const) }];
      });
      const outputs = await program.runBatch(parts);
      for (const [at, output] of outputs.entries()) take?.(first + at, output);
      if (layer !== null) options.onProgress?.(layer, first + parts.length);
    }
    return program;
  };

  const hidden: Float32Array[] = [];
  await run(await buildEmbedding(config, checkpointWeights(mapped, null, binding)), sequences, null, (index, output) => {
    hidden[index] = output.slice();
  });
  const weightsWith = (changed: ReadonlyMap<string, Weight>, vectors: Vectors = new Map()) =>
    checkpointWeights(mapped, null, binding, { packed: changed, vectors });
  /** Runs a block up to the last of the observations. */
  const observe = async (
    kind: Observation,
    layer: number,
    inputs: readonly LinearInput[],
    weights: ModelWeights,
  ): Promise<(input: LinearInput) => Float32Array> => {
    const block = await buildBlock(config, weights, layer, [kind]);
    const wanted = new Set(inputs.map((input) => observeSlot(input, kind)));
    const observing = block.body.filter((op) => op.op !== 'observe' || wanted.has(op.slot));
    // Nothing behind the last observation is of interest.
    const body = observing.slice(0, observing.findLastIndex(({ op }) => op === 'observe') + 1);
    const program = await run({ ...block, body }, hidden, layer, null);
    return (input) => observedIn(program, observeSlot(input, kind));
  };
  return {
    samples: sequences.length,
    hessians: (layer, inputs, changed, vectors) => observe('hessian', layer, inputs, weightsWith(changed, vectors)),
    magnitudes: (layer, inputs, changed, vectors) => observe('absmax', layer, inputs, weightsWith(changed, vectors)),
    headHessian: async () => {
      const norm = await buildFinalNorm(config, weightsWith(new Map()));
      const program = await run({ ...norm, body: [...norm.body, { op: 'observe', in: norm.output, kind: 'hessian', slot: 0 }] }, hidden, null, null);
      return observedIn(program, 0);
    },
    restored: async ({ module, rows, cols }) => (await written.linear(module, rows, cols, false)).weight,
    advance: async (layer, as = 'written') => {
      await run(await buildBlock(config, as === 'written' ? written : weightsWith(new Map()), layer), hidden, layer, (index, output) => {
        hidden[index]?.set(output);
      });
    },
  };
}

function observedIn(program: Program, slot: number): Float32Array {
  const observed = program.observed(slot);
  if (observed === null) throw new Error(`slot ${slot} of the program saw nothing`);
  return observed;
}
