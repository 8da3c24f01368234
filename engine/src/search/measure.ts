// What each setting of each part of a model costs: the part alone is quantized with it, a few sequences run on through the rest of the model in floating point, and the
// distribution of the next token is compared with that of the unquantized model (Kullback-Leibler divergence, nats per token). Losses of parts that are quantized
// together add up well while they are small, as errors of different parts are hardly correlated. One block of weights is in use at a time.
import type { NativeBinding, Weight } from '@quantwright/native/binding';
import type { CalibrationBlocks } from '../calibration/blocks.ts';
import { inMemory, runSequences } from '../calibration/run-sequences.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import { divergenceOfRow } from '../eval/divergence.ts';
import type { LayerInputs } from '../methods/method.ts';
import type { ModelConfig } from '../model/config.ts';
import { buildBlock, buildEmbedding, buildHead } from '../model/decoder.ts';
import { checkpointWeights } from '../model/weights.ts';
import type { LinearSource } from '../pipeline/source.ts';
import type { SearchPart } from './parts.ts';

export interface MeasureOptions {
  readonly binding: NativeBinding;
  readonly mapped: MappedCheckpoint;
  readonly config: ModelConfig;
  readonly parts: readonly SearchPart[];
  /** Settings that every part is measured with. */
  readonly candidates: number;
  readonly sequences: readonly Int32Array[];
  /** Statistics of the inputs of a block's linears in the unquantized model; null: the method needs none. */
  readonly statistics: ((block: number, linears: readonly LinearSource[]) => Promise<(linear: LinearSource) => LayerInputs>) | null;
  /** Calibration moves behind a block in which nothing was quantized. */
  readonly blocks: CalibrationBlocks | null;
  /** The linear as it would be stored, in f32. */
  restored(linear: LinearSource, candidate: number, inputs: LayerInputs | undefined): Promise<Weight>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((partsDone: number) => void) | undefined;
}

/** Rows of logits that are compared, spread over the sequences: enough to tell settings apart, as all of them see the same rows. */
const comparedRows = 256;
/** Hidden states of variants that run together. */
const variantBytes = 192 * 2 ** 20;

type States = readonly Float32Array[];

/** losses[part][candidate] in nats per token. */
export async function measureLosses(options: MeasureOptions): Promise<readonly (readonly number[])[]> {
  const { binding, mapped, config, parts, sequences, signal } = options;
  const { hiddenSize, layers, vocabSize } = config.shape;
  const length = Math.max(1, ...sequences.map((sequence) => sequence.length));
  const weightsWith = (packed: ReadonlyMap<string, Weight>) => checkpointWeights(mapped, null, binding, { packed });
  const none: ReadonlyMap<string, Weight> = new Map();
  const runBlock = async (layer: number, quantized: ReadonlyMap<string, Weight>, inputs: States): Promise<States> => {
    const outputs: Float32Array[] = [];
    const take = (index: number, output: Float32Array): void => {
      outputs[index] = output.slice();
    };
    await runSequences(binding, await buildBlock(config, weightsWith(quantized), layer), { inputs: inMemory(inputs), length, take, signal });
    return outputs;
  };
  const rows = spread(sequences, comparedRows);
  const logitsOf = async (states: States, quantized: ReadonlyMap<string, Weight>): Promise<Float32Array> => {
    const input = new Float32Array(rows.length * hiddenSize);
    for (const [at, { sequence, row }] of rows.entries()) {
      const state = states[sequence]?.subarray(row * hiddenSize, (row + 1) * hiddenSize);
      if (state !== undefined) input.set(state, at * hiddenSize);
    }
    const program = binding.createProgram(await buildHead(config, weightsWith(quantized)));
    return program.run(program.createSession(rows.length, 'f32'), input, 'all');
  };

  let states: States = await embed(binding, options, length);
  let final = states;
  for (let layer = 0; layer < layers; layer++) final = await runBlock(layer, none, final);
  const reference = await logitsOf(final, none);
  const lossOf = async (variant: States, quantized: ReadonlyMap<string, Weight>): Promise<number> => {
    const logits = await logitsOf(variant, quantized);
    let sum = 0;
    for (let row = 0; row < rows.length; row++) {
      const [begin, end] = [row * vocabSize, (row + 1) * vocabSize];
      sum += divergenceOfRow(reference.subarray(begin, end), logits.subarray(begin, end)).nats;
    }
    return sum / rows.length;
  };

  const losses: (readonly number[])[] = [];
  const together = Math.max(1, Math.floor(variantBytes / (4 * hiddenSize * sequences.reduce((sum, { length: tokens }) => sum + tokens, 0))));
  for (let block = 0; block <= layers; block++) {
    const here = parts.filter((part) => part.block === block);
    const inputsOf =
      here.length === 0 || options.statistics === null
        ? null
        : await options.statistics(
            block,
            here.flatMap(({ linears }) => linears),
          );
    for (const part of here) {
      const found: number[] = [];
      for (let first = 0; first < options.candidates; first += together) {
        const variants: { states: States; readonly quantized: ReadonlyMap<string, Weight> }[] = [];
        for (let candidate = first; candidate < Math.min(first + together, options.candidates); candidate++) {
          signal?.throwIfAborted();
          const quantized = new Map<string, Weight>();
          for (const linear of part.linears) quantized.set(linear.module, await options.restored(linear, candidate, inputsOf?.(linear)));
          if (block === layers) variants.push({ states: final, quantized });
          else variants.push({ states: await runBlock(block, quantized, states), quantized: none });
        }
        for (let layer = block + 1; layer < layers; layer++) {
          const outputs = await runBlock(
            layer,
            none,
            variants.flatMap((variant) => variant.states),
          );
          for (const [index, variant] of variants.entries()) variant.states = outputs.slice(index * sequences.length, (index + 1) * sequences.length);
        }
        for (const variant of variants) found.push(await lossOf(variant.states, variant.quantized));
      }
      losses.push(found);
      options.onProgress?.(losses.length);
    }
    if (block < layers) {
      await options.blocks?.advance(block, 'original');
      states = await runBlock(block, none, states);
    }
  }
  return losses;
}

async function embed(binding: NativeBinding, { mapped, config, sequences, signal }: MeasureOptions, length: number): Promise<States> {
  const states: Float32Array[] = [];
  await runSequences(binding, await buildEmbedding(config, checkpointWeights(mapped, null, binding)), {
    inputs: inMemory(sequences),
    length,
    signal,
    take: (index, output) => {
      states[index] = output.slice();
    },
  });
  return states;
}

/** Positions whose next token is known, evenly over all of them. */
function spread(sequences: readonly Int32Array[], wanted: number): readonly { readonly sequence: number; readonly row: number }[] {
  const all = sequences.flatMap((ids, sequence) => Array.from({ length: ids.length - 1 }, (_, row) => ({ sequence, row })));
  const count = Math.min(wanted, all.length);
  return Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]).filter((one) => one !== undefined);
}
