// TEQ layer by layer: an approximation of our own, named as such. Each block's alphas are trained on the mean squared error of the block's output against that
// of the block in full precision, both reading what the model in full precision gives them. One block is in memory at a time, and the hidden states of all
// sequences; no gradient goes through the model, so that the loss of the whole is not what is minimized.
import type { NativeBinding } from '@quantwright/native/binding';
import { buildBlock, buildEmbedding } from '../../model/decoder.ts';
import { namedWeights } from '../../model/named-weights.ts';
import { checkpointWeights } from '../../model/weights.ts';
import { batchAt, joinedRows } from '../batches.ts';
import type { TransformJob } from '../transform.ts';
import { createAdam } from './adam.ts';
import { createTrainedProgram, type TrainedPlace } from './block.ts';
import { requireFinite, type TrainOptions } from './train-model.ts';

/** `steps` for every block. Changes nothing of the model. */
export async function trainOnBlocks(job: TransformJob, options: TrainOptions): Promise<readonly TrainedPlace[]> {
  const { binding, config, mapped } = job;
  const weights = checkpointWeights(mapped, null, binding);
  const places: TrainedPlace[] = [];
  let hidden = await runAll(binding, await buildEmbedding(config, weights), job.sequences);
  for (let layer = 0; layer < config.shape.layers; layer += 1) {
    job.signal?.throwIfAborted();
    const targets = await runAll(binding, await buildBlock(config, weights, layer), hidden);
    places.push(...(await trainBlock(job, options, layer, hidden, targets)));
    hidden = targets;
  }
  return places;
}

async function trainBlock(
  job: TransformJob,
  options: TrainOptions,
  layer: number,
  inputs: readonly Float32Array[],
  targets: readonly Float32Array[],
): Promise<readonly TrainedPlace[]> {
  const { binding, config, mapped, schemes } = job;
  const pairs = job.pairs(layer);
  if (pairs.every(({ producer }) => producer.kind !== 'norm')) return [];
  const weights = namedWeights(checkpointWeights(mapped, null, binding));
  const program = await buildBlock(config, weights, layer);
  const block = await createTrainedProgram({ binding, program, moduleOf: weights.moduleOf, pairs, schemes, inputGradient: false });
  const adam = createAdam(
    block.places.map(({ alpha }) => alpha),
    options,
  );
  const samples = inputs.flatMap((input, index) => {
    const target = targets[index];
    return target === undefined ? [] : [{ input, target }];
  });
  const size = Math.min(options.batchSize, samples.length);
  for (let step = 0; step < options.steps; step += 1) {
    job.signal?.throwIfAborted();
    const batch = batchAt(samples, size, step);
    const lengths = Int32Array.from(batch, ({ input }) => input.length / config.shape.hiddenSize);
    const { loss, wanted } = await block.tape.squaredError(joinedRows(batch.map(({ input }) => input)), lengths, joinedRows(batch.map(({ target }) => target)));
    requireFinite(loss, `block ${layer}`, step, job);
    adam.update(block.gradients(wanted));
    await block.round();
    options.onStep?.(layer, step, loss);
  }
  return block.places;
}

/** A program over each sequence on its own. */
async function runAll(
  binding: NativeBinding,
  program: Awaited<ReturnType<typeof buildBlock>>,
  inputs: readonly (Int32Array | Float32Array)[],
): Promise<readonly Float32Array[]> {
  const width = program.values[0] ?? 1;
  const tape = binding.createTape({ program, replaced: [], wanted: [] });
  const outputs: Float32Array[] = [];
  for (const input of inputs) outputs.push(await tape.forward(input, Int32Array.of(program.input === 'tokens' ? input.length : input.length / width), false));
  return outputs;
}
