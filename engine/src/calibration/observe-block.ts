// How large the inputs of a block's linears are, in the model as it is: what methods with static activations ask for. Linears of one input share what was seen.
// The output matrix counts as a block behind the others.
import type { NativeBinding } from '@quantwright/native/binding';
import type { LayerInputs } from '../methods/method.ts';
import { type EditedBlock, untouched } from '../methods/transform.ts';
import { type InputStatistic, type ObservedInput, rangedInputs } from '../methods/w8a8_static/observed.ts';
import { type LinearInput, linearInputs } from '../model/observations.ts';
import type { CalibrationBlocks } from './blocks.ts';
import { editedWeights } from './transform-block.ts';

export interface ObserveBlockOptions {
  readonly binding: NativeBinding;
  readonly blocks: CalibrationBlocks;
  readonly statistic: InputStatistic;
  /** The block as transforms left it. Left out: as the checkpoint has it. */
  readonly edited?: EditedBlock;
}

/** `inputs`: what the linears read that are quantized; null: the output matrix. One pass over the sequences. */
export async function observeBlock(
  layer: number,
  inputs: readonly (LinearInput | null)[],
  { binding, blocks, statistic, edited = untouched }: ObserveBlockOptions,
): Promise<(input: LinearInput | null) => LayerInputs> {
  const read = linearInputs.filter((input) => inputs.includes(input));
  const seen = new Map<LinearInput | null, ObservedInput>();
  if (read.length > 0) {
    for (const [input, observed] of await blocks.statistics(statistic, layer, read, await editedWeights(binding, edited), edited.tensors))
      seen.set(input, observed);
  }
  if (inputs.includes(null)) seen.set(null, await blocks.headStatistics(statistic));
  return (input) => {
    const observed = seen.get(input);
    if (observed === undefined) throw new Error(`${input ?? 'the output matrix'} of block ${layer} was not observed`);
    return rangedInputs(observed);
  };
}
