// What each alpha of SmoothQuant costs: held-out sequences run through the model once for every alpha, block by block, each block smoothed with that alpha, rounded and
// multiplied with quantized activations as the finished model will. One block of weights is in use at a time, and the hidden states
// of all alphas that go together.
import type { NativeBinding, Weight } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { AlphaCurve } from '@quantwright/schemas/rpc/engine';
import { type CalibrationBlocks, createCalibrationBlocks } from '../../calibration/blocks.ts';
import { inMemory, runSequences } from '../../calibration/run-sequences.ts';
import { type TransformedLinear, transformBlock } from '../../calibration/transform-block.ts';
import type { MappedCheckpoint } from '../../checkpoint/mapped.ts';
import { EngineError } from '../../errors.ts';
import { collectGarbage } from '../../jobs/collect-garbage.ts';
import { type EditedBlock, type Transform, untouched } from '../../methods/transform.ts';
import type { ModelConfig } from '../../model/config.ts';
import { buildBlock, buildEmbedding, buildHead } from '../../model/decoder.ts';
import type { ScalingPair } from '../../model/scaling-pairs.ts';
import { checkpointWeights } from '../../model/weights.ts';
import type { HeldOut } from './held-out.ts';

export interface MeasureAlphasOptions {
  readonly binding: NativeBinding;
  readonly mapped: MappedCheckpoint;
  readonly config: ModelConfig;
  readonly recipe: Recipe;
  readonly transforms: readonly Transform[];
  /** Linears of every block that are quantized. */
  readonly linears: readonly (readonly TransformedLinear[])[];
  readonly pairs: readonly (readonly ScalingPair[])[];
  readonly alphas: readonly number[];
  readonly sequences: HeldOut;
  /** Alphas of a pass over the model. */
  readonly together: number;
  /** Where hidden states lie between blocks; null: in memory. */
  readonly spill: string | null;
  /** The linear as it would be stored, for the kernels that will run it. */
  quantized(linear: TransformedLinear, edited: EditedBlock): Promise<Weight>;
  readonly signal?: AbortSignal | undefined;
  /** After each block with each alpha. */
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

type States = readonly Float32Array[];

/** Throws kind `checkpoint` when no alpha gives a finite loss, and what calibration throws. */
export async function measureAlphas(options: MeasureAlphasOptions): Promise<AlphaCurve> {
  const { binding, mapped, config, recipe, transforms, alphas, signal } = options;
  const { seen, held } = options.sequences;
  const { layers } = config.shape;
  const length = Math.max(1, ...held.map((sequence) => sequence.length));
  const run = async (spec: Parameters<typeof runSequences>[1], inputs: readonly (Int32Array | Float32Array)[]): Promise<States> => {
    const outputs: Float32Array[] = [];
    const take = (index: number, output: Float32Array): void => {
      outputs[index] = output.slice();
    };
    await runSequences(binding, spec, { inputs: inMemory(inputs), length, take, signal });
    return outputs;
  };
  const weightsWith = (packed: ReadonlyMap<string, Weight>, { tensors }: EditedBlock) => checkpointWeights(mapped, null, binding, { packed, vectors: tensors });
  const none: ReadonlyMap<string, Weight> = new Map();

  const written = checkpointWeights(mapped, null, binding);
  const embedded = await run(await buildEmbedding(config, written), held);
  const head = binding.createTape({ program: await buildHead(config, written), replaced: [], wanted: [] });
  const perplexityOf = async (states: States): Promise<number> => {
    let [nats, predicted] = [0, 0];
    for (const [index, sequence] of held.entries()) {
      const targets = Int32Array.from([...sequence.subarray(1), -1]);
      const { loss } = await head.crossEntropy(states[index] ?? new Float32Array(), Int32Array.of(sequence.length), targets);
      nats += loss * (sequence.length - 1);
      predicted += sequence.length - 1;
    }
    return Math.exp(nats / predicted);
  };

  let done = 0;
  /** Some alphas, side by side. */
  const pass = async (group: readonly number[]): Promise<readonly { readonly alpha: number; readonly perplexity: number }[]> => {
    const blocks = await createCalibrationBlocks({ binding, mapped, written, config, sequences: seen, spill: options.spill, signal });
    try {
      const variants = group.map((alpha) => ({ alpha, states: embedded }));
      for (let layer = 0; layer < layers; layer++) {
        const linears = options.linears[layer] ?? [];
        const observed = transforms[0]?.id === 'smoothquant' ? observedOnce(blocks) : blocks;
        for (const variant of variants) {
          signal?.throwIfAborted();
          const smoothing = { binding, mapped, blocks: observed, config, recipe: { ...recipe, smoothquant: { alpha: variant.alpha } }, transforms, signal };
          const edited = await transformBlock(layer, linears, options.pairs[layer] ?? [], smoothing);
          const packed = new Map<string, Weight>();
          for (const linear of linears) packed.set(linear.module, await options.quantized(linear, edited));
          variant.states = await run(await buildBlock(config, weightsWith(packed, edited), layer), variant.states);
          options.onProgress?.(++done, layers * alphas.length);
          // The smoothed and the packed block of this alpha; V8 would let those of several gather.
          packed.clear();
          await collectGarbage();
        }
        if (layer + 1 < layers) await blocks.advance(layer, 'original');
      }
      const measured: { readonly alpha: number; readonly perplexity: number }[] = [];
      for (const { alpha, states } of variants) measured.push({ alpha, perplexity: await perplexityOf(states) });
      return measured;
    } finally {
      await blocks.close();
    }
  };

  let float = embedded;
  for (let layer = 0; layer < layers; layer++) float = await run(await buildBlock(config, weightsWith(none, untouched), layer), float);
  const floatPerplexity = await perplexityOf(float);
  float = [];
  const measured: { readonly alpha: number; readonly perplexity: number }[] = [];
  for (let first = 0; first < alphas.length; first += options.together) measured.push(...(await pass(alphas.slice(first, first + options.together))));
  const tokens = held.reduce((sum, sequence) => sum + sequence.length, 0);
  return { chosen: bestOf(measured, mapped.checkpoint.path), sequences: held.length, tokens, floatPerplexity, alphas: measured };
}

/** The first of the smallest. */
function bestOf(measured: readonly { readonly alpha: number; readonly perplexity: number }[], file: string): number {
  const finite = measured.filter(({ perplexity }) => Number.isFinite(perplexity));
  const [first] = finite;
  if (first === undefined) {
    throw new EngineError('checkpoint', `${file}: the perplexity of held-out text is not finite with any alpha; the weights are damaged or too large`, {
      file,
    });
  }
  return finite.reduce((best, one) => (one.perplexity < best.perplexity ? one : best), first).alpha;
}

/** The largest values of a block's inputs are the same for every alpha, as long as nothing was edited before. */
function observedOnce(blocks: CalibrationBlocks): CalibrationBlocks {
  let seen: ReturnType<CalibrationBlocks['magnitudes']> | null = null;
  return {
    ...blocks,
    magnitudes: (layer, inputs, changed, vectors) => {
      seen ??= blocks.magnitudes(layer, inputs, changed, vectors);
      return seen;
    },
  };
}
