// Statistics of the weights and inputs of every linear, of a model and of the one it was made from, and the errors between them.
// Source: algorithms section 17 (qllm-infer, act_quant.py :: ActQuantLinear), with two differences. What stands for an input of the quantized model is what
// reaches the linear there, with the errors of the blocks before; and all tokens count alike, where the reference takes the mean over sequences.
import type { NativeBinding, Weight } from '@quantwright/native/binding';
import type { Moments, StatsResult, TensorStats, TensorSummary } from '@quantwright/schemas/runs/results';
import { EngineError } from '../../errors.ts';
import type { SourcedText } from '../text-source.ts';
import { type ChannelMaxima, createChannelMaxima, inBins, outlierChannels } from './channels.ts';
import { createDifference, type Difference } from './difference.ts';
import { createHistogram, type Histogram } from './histogram.ts';
import { createMoments, type MomentsOf } from './moments.ts';
import { type SequenceChoices, textSequences } from './sequences.ts';
import { type BlockVisit, openWalked, type WalkedLinear, type WalkedTokens, type WalkProgress, walkBlocks } from './walk-blocks.ts';

export interface StatsOptions extends SequenceChoices {
  readonly binding: NativeBinding;
  /** The model that this one was made from. */
  readonly reference?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: WalkProgress) => void) | undefined;
}

/** As the reference looks at. */
export const statsSequences = 10;

/** Throws kind `input`, `io`, `checkpoint` or `native`. */
export async function measureStats(path: string, { text, source }: SourcedText, options: StatsOptions): Promise<StatsResult> {
  const paths = options.reference === undefined ? [path] : [path, options.reference];
  const models = await Promise.all(paths.map(openWalked));
  const sequences = await textSequences(models.toReversed(), text, { sequences: statsSequences }, options);
  const tensors: TensorStats[] = [];
  await walkBlocks(models, async (linears) => blockStats(linears, paths, (tensor) => tensors.push(tensor)), { ...options, sequences });
  return { text: source, reference: options.reference ?? null, sequences: sequences.length, tensors };
}

interface InputStats {
  readonly models: readonly { readonly moments: MomentsOf; readonly channels: ChannelMaxima; readonly histogram: Histogram }[];
  readonly difference: Difference;
}

/** The first model is the one that is told about, the second what it was. */
async function blockStats(linears: readonly WalkedLinear[], paths: readonly string[], tell: (tensor: TensorStats) => void): Promise<BlockVisit> {
  const compared = paths.length > 1;
  const inputs = new Map<number, InputStats>();
  for (const { input, weights } of linears) {
    if (inputs.has(input)) continue;
    const models = weights.map(({ cols }) => ({ moments: createMoments(), channels: createChannelMaxima(cols), histogram: createHistogram() }));
    inputs.set(input, { models, difference: createDifference() });
  }
  const outputs = linears.map(() => createDifference());
  return {
    tokens: async (run) => {
      for (const [input, { models, difference }] of inputs) {
        const values = run.inputs(input);
        for (const [at, { moments, channels, histogram }] of models.entries()) {
          const seen = values[at] ?? new Float32Array();
          moments.add(seen);
          channels.add(seen);
          histogram.add(seen);
        }
        if (compared) addPair(difference, values);
      }
      if (compared) for (const [at, linear] of linears.entries()) await addOutputs(outputs[at], linear, run);
    },
    done: async () => {
      for (const [at, linear] of linears.entries()) {
        const { module, block, input } = linear;
        const seen = inputs.get(input);
        const weights = await weightStats(linear.weights);
        const summaries = (seen?.models ?? []).map(({ moments, channels, histogram }, model): TensorSummary => {
          const where = `${paths[model]}: ${module}`;
          return {
            weight: finite(weights.moments[model] ?? null, `${where}: its weight`, paths[model]),
            activation: finite(moments.result(), `${where}: what it reads for this text`, paths[model]),
            channelMaxima: inBins(channels.maxima),
            outlierChannels: outlierChannels(channels.maxima),
            histogram: histogram.result(),
          };
        });
        const [summary, before] = summaries;
        const output = outputs[at];
        if (summary === undefined || seen === undefined || output === undefined) throw new Error(`${module} was not seen`);
        tell({
          module,
          block,
          ...summary,
          ...(before === undefined ? {} : { before }),
          error: compared
            ? {
                sqnr: { weight: weights.difference.sqnrDb(), activation: seen.difference.sqnrDb(), output: output.sqnrDb() },
                mse: { weight: weights.difference.mse(), activation: seen.difference.mse(), output: output.mse() },
              }
            : null,
        });
      }
    },
  };
}

/** Of the first against the second, which is the original. */
function addPair(difference: Difference, [ours, original]: readonly Float32Array[]): void {
  if (ours === undefined || original === undefined) throw new Error('two models were to be compared');
  difference.add(original, ours);
}

/** Without the bias, which is the same in both. */
async function addOutputs(difference: Difference | undefined, { weights, input }: WalkedLinear, run: WalkedTokens): Promise<void> {
  const values = run.inputs(input);
  const products: Float32Array[] = [];
  for (const [at, weight] of weights.entries()) products.push(await weight.matmul(values[at] ?? new Float32Array(), run.tokens));
  if (difference !== undefined) addPair(difference, products);
}

async function weightStats(weights: readonly Weight[]): Promise<{ readonly moments: readonly (Moments | null)[]; readonly difference: Difference }> {
  const difference = createDifference();
  const values: Float32Array[] = [];
  for (const weight of weights) values.push(await weight.dequantize());
  if (values.length > 1) addPair(difference, values);
  const moments = values.map((matrix) => {
    const of = createMoments();
    of.add(matrix);
    return of.result();
  });
  return { moments, difference };
}

function finite(moments: Moments | null, what: string, file: string | undefined): Moments {
  if (moments !== null) return moments;
  throw new EngineError(
    'checkpoint',
    `${what} holds NaN or infinity; the weights are damaged, or too large for 32-bit floats`,
    file === undefined ? {} : { file },
  );
}
