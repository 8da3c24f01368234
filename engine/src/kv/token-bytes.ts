// What keys and values of a token take, as the sessions say it.
import type { KvCache, Session } from '@quantwright/native/binding';
import type { LoadedModel } from '../model/load.ts';

/** Long enough that groups and residual windows repeat; the memory is never written to. */
const tokens = 512;
/** Caches hold whole blocks of so many positions. */
const block = 16;

/** Bytes that one more token of context takes in all layers: of two empty sessions' caches, what the longer one has more. */
export function kvBytesPerToken(model: Pick<LoadedModel, 'createSession' | 'contextLength'>, cache?: KvCache): number {
  const shorter = Math.floor(Math.min(tokens, model.contextLength / 2) / block) * block;
  if (shorter === 0) return heldBytesPerToken(model.createSession(model.contextLength, cache));
  return (model.createSession(2 * shorter, cache).cacheBytes - model.createSession(shorter, cache).cacheBytes) / shorter;
}

/** Bytes a token of the context that a session has room for, windows of recent tokens included. */
export function heldBytesPerToken({ cacheBytes, capacity }: Session): number {
  return cacheBytes / capacity;
}
