// Places of a model that one of the transforms rescales.
import type { ModelConfig } from '../model/config.ts';
import { type ScalingPair, scalingPairs } from '../model/scaling-pairs.ts';
import type { Transform } from './transform.ts';

/** Of a block. The output matrix, which counts as a block, has none. */
export function pairsFor(transforms: readonly Transform[], config: ModelConfig): (block: number) => readonly ScalingPair[] {
  return (block) => (block < config.shape.layers ? scalingPairs(config, block).filter((pair) => transforms.some((transform) => transform.uses(pair))) : []);
}
