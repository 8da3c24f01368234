// How far a model has gone from the one it was made from: what every linear reads, and what leaves every block, both given the same tokens.
// Source: algorithms section 17 (qllm-infer :: get_layerwise_distance: sqnr and mse of the inputs of every linear over the first 2048 tokens).
import type { NativeBinding } from '@quantwright/native/binding';
import type { DistanceResult } from '@quantwright/schemas/runs/results';
import type { SourcedText } from '../text-source.ts';
import { createDifference, type Difference } from './difference.ts';
import { type SequenceChoices, textSequences } from './sequences.ts';
import { type BlockVisit, openWalked, type WalkedLinear, type WalkProgress, walkBlocks } from './walk-blocks.ts';

export interface DistanceOptions extends SequenceChoices {
  readonly binding: NativeBinding;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: WalkProgress) => void) | undefined;
}

/** The first window only, as the reference. */
export const distanceSequences = 1;

/** Throws kind `input`, `io`, `checkpoint` or `native`. */
export async function measureDistance(path: string, reference: string, { text, source }: SourcedText, options: DistanceOptions): Promise<DistanceResult> {
  const models = await Promise.all([reference, path].map(openWalked));
  const sequences = await textSequences(models, text, { sequences: distanceSequences }, options);
  const modules: DistanceResult['modules'][number][] = [];
  const blocks: DistanceResult['blocks'][number][] = [];
  const visit = async (linears: readonly WalkedLinear[]): Promise<BlockVisit> => {
    const inputs = new Map(linears.map(({ input }) => [input, createDifference()]));
    const outputs = createDifference();
    return {
      tokens: async (run) => {
        for (const [input, difference] of inputs) addPair(difference, run.inputs(input));
        if (run.outputs !== null) addPair(outputs, run.outputs);
      },
      done: async () => {
        for (const { module, block, input } of linears) {
          const difference = inputs.get(input);
          if (difference !== undefined) modules.push({ module, block, ...figures(difference) });
        }
        const block = linears[0]?.block ?? null;
        if (block !== null) blocks.push({ block, ...figures(outputs) });
      },
    };
  };
  await walkBlocks(models, visit, { ...options, sequences });
  return { text: source, reference, tokens: sequences.reduce((sum, { length }) => sum + length, 0), modules, blocks };
}

function figures(difference: Difference): { readonly sqnrDb: number; readonly mse: number; readonly cosine: number } {
  return { sqnrDb: difference.sqnrDb(), mse: difference.mse(), cosine: difference.cosine() };
}

function addPair(difference: Difference, [original, other]: readonly Float32Array[]): void {
  if (original === undefined || other === undefined) throw new Error('two models were to be compared');
  difference.add(original, other);
}
