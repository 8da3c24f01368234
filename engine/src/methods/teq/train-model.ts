// TEQ's reference mode: the alphas of all blocks are trained together on the cross entropy of the next token of the whole model, labels = inputs
// (Intel Neural Compressor v2.6, teq.py :: TEQuantizer.train). Every step runs forward through all blocks and back.
// Memory: the quantized matrices twice in f32, what enters each block, and the values of one block; of all blocks where they fit, which saves running each twice.
import type { ProgramSpec, Tape } from '@quantwright/native/binding';
import { EngineError } from '../../errors.ts';
import { buildBlock, buildEmbedding, buildHead } from '../../model/decoder.ts';
import { type NamedWeights, namedWeights } from '../../model/named-weights.ts';
import { checkpointWeights } from '../../model/weights.ts';
import { batchAt } from '../batches.ts';
import type { TransformJob } from '../transform.ts';
import { createAdam, type Schedule } from './adam.ts';
import { createTrainedProgram, type TrainedPlace, type TrainedProgram } from './block.ts';

export interface TrainOptions extends Schedule {
  /** Sequences of a step. */
  readonly batchSize: number;
  /** What values of all blocks may take together, if they are to be kept. */
  readonly spareBytes: number;
  /** After each step on a block; null: on all of them. */
  readonly onStep?: (block: number | null, step: number, loss: number) => void;
}

export interface ModelTraining {
  /** Of all blocks, in order. */
  readonly places: readonly TrainedPlace[];
  /** Loss of these sequences, and its gradients by the alphas of `places`, as they now are. */
  gradients(sequences: readonly Int32Array[]): Promise<{ readonly loss: number; readonly gradients: readonly Float32Array[] }>;
  /** Rounds for changed alphas. */
  round(): Promise<void>;
}

/** Changes nothing of the model. Returns the places with their trained alphas. Rejects with kind `checkpoint` when the loss is not finite. */
export async function trainOnModel(job: TransformJob, options: TrainOptions): Promise<readonly TrainedPlace[]> {
  const training = await createModelTraining(job, options.spareBytes);
  const adam = createAdam(
    training.places.map(({ alpha }) => alpha),
    options,
  );
  const size = Math.min(options.batchSize, job.sequences.length);
  for (let step = 0; step < options.steps; step += 1) {
    job.signal?.throwIfAborted();
    const batch = batchAt(job.sequences, size, step);
    const { loss, gradients } = await training.gradients(batch);
    requireFinite(loss, 'the model', step, job);
    adam.update(gradients);
    await training.round();
    options.onStep?.(null, step, loss);
  }
  return training.places;
}

export function requireFinite(loss: number, where: string, step: number, job: TransformJob): void {
  if (Number.isFinite(loss)) return;
  const file = job.mapped.checkpoint.path;
  throw new EngineError('checkpoint', `${file}: the loss of ${where} is not finite in step ${step + 1} of teq; weights or learning rate are too large`, {
    file,
  });
}

/** `spareBytes`: the values of all blocks are kept where they fit. */
export async function createModelTraining(job: TransformJob, spareBytes: number): Promise<ModelTraining> {
  const { binding, config, mapped, schemes } = job;
  const weights = namedWeights(checkpointWeights(mapped, null, binding));
  const { moduleOf } = weights;
  const embedding = binding.createTape({ program: await buildEmbedding(config, weights), replaced: [], wanted: [] });
  const blocks: TrainedProgram[] = [];
  for (let layer = 0; layer < config.shape.layers; layer += 1) {
    job.signal?.throwIfAborted();
    const program = await buildBlock(config, weights, layer);
    blocks.push(await createTrainedProgram({ binding, program, moduleOf, pairs: job.pairs(layer), schemes, inputGradient: layer > 0 }));
    releaseMatrices(job, program, moduleOf);
  }
  const head = await createTrainedProgram({ binding, program: await buildHead(config, weights), moduleOf, pairs: [], schemes, inputGradient: true });
  return {
    places: blocks.flatMap(({ places }) => places),
    round: async () => {
      for (const block of blocks) await block.round();
    },
    gradients: async (sequences) => {
      const lengths = Int32Array.from(sequences, ({ length }) => length);
      const tokens = joined(sequences);
      const keep = keptBytes(blocks, tokens.length) <= spareBytes;
      const entering: Float32Array[] = [];
      let hidden = await embedding.forward(tokens, lengths, false);
      for (const { tape } of blocks) {
        entering.push(keep ? new Float32Array() : hidden);
        hidden = await tape.forward(hidden, lengths, keep);
      }
      const { loss, input } = await head.tape.crossEntropy(hidden, lengths, nextTokens(sequences));
      let gradient = input ?? new Float32Array();
      const gradients: Float32Array[] = [];
      for (const [layer, block] of [...blocks.entries()].reverse()) {
        if (!keep) await block.tape.forward(entering[layer] ?? new Float32Array(), lengths, true);
        const back = await block.tape.backward(gradient);
        gradient = back.input ?? new Float32Array();
        gradients.unshift(...block.gradients(back.wanted));
      }
      return { loss, gradients };
    },
  };
}

/** They are in memory in f32 now; their pages of the file would count as well. */
function releaseMatrices({ mapped, schemes }: TransformJob, { body }: ProgramSpec, moduleOf: NamedWeights['moduleOf']): void {
  for (const op of body) {
    const module = op.op === 'linear' ? moduleOf(op.weight) : undefined;
    if (module !== undefined && schemes.has(module) && mapped.checkpoint.has(`${module}.weight`)) mapped.release(`${module}.weight`);
  }
}

function keptBytes(blocks: readonly { readonly tape: Tape }[], rows: number): number {
  return blocks.reduce((sum, { tape }) => sum + tape.bytes(rows), 0);
}

function joined(sequences: readonly Int32Array[]): Int32Array {
  return Int32Array.from(sequences.flatMap((sequence) => [...sequence]));
}

/** The last token of a sequence predicts nothing. */
function nextTokens(sequences: readonly Int32Array[]): Int32Array {
  return Int32Array.from(sequences.flatMap((sequence) => [...sequence.subarray(1), -1]));
}
