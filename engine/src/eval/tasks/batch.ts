// How many items of a task run side by side.
import { freemem } from 'node:os';
import type { LoadedModel } from '../../model/load.ts';
import type { Request } from './encode.ts';

/** Continuations have about ten tokens: so many of them fill a pass of the linears (256 rows, kernels/program). */
const mostItems = 32;

/** While the caches, in f32, take no more than a quarter of the free memory. */
export function batchFor(model: LoadedModel, items: readonly (readonly Request[])[]): number {
  const longest = items.reduce(
    (most, requests) => requests.reduce((sofar, { context, continuation }) => Math.max(sofar, context.length + continuation.length), most),
    1,
  );
  const { layers, kvHeads, headDim } = model.config.shape;
  const cacheBytes = Math.min(longest, model.contextLength) * layers * 2 * kvHeads * headDim * 4;
  return Math.max(1, Math.min(mostItems, items.length, Math.floor(freemem() / 4 / cacheBytes)));
}
