// One generation over a cached session: prompt ids in, token by token out. Keeps what the session holds, so that the next prompt reuses
// the longest common prefix. Knows nothing of text; chat.ts does.
import type { Session } from '@quantwright/native/binding';
import { mostDrafted } from '@quantwright/native/binding';
import type { Sampling } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';
import { createSampler } from '../text/sampling.ts';
import { commonPrefix } from './common-prefix.ts';
import { type DraftPolicy, type DraftSource, draftPolicy } from './speculation.ts';
import type { TokenConstraint } from './token-constraint.ts';

export interface GenerateOptions {
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly endIds: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
  /** Guesses of coming tokens; absent: one token at a time. The tokens are the same. */
  readonly drafts?: DraftSource | undefined;
  /** What may be generated; ends the generation when nothing can follow. */
  readonly constraint?: TokenConstraint | undefined;
  /** Learns over the answers of a conversation whether guessing pays. */
  readonly policy?: DraftPolicy | undefined;
  /** For every token but the end token; true ends the generation (a stop string). */
  readonly onToken: (id: number) => boolean;
}

export interface Generation {
  readonly finishReason: 'stop' | 'length' | 'cancelled' | 'context';
  /** Prompt tokens taken from the cache. */
  readonly cachedTokens: number;
  readonly tokens: number;
  /** Until the first token. */
  readonly prefillSeconds: number;
  /** From the first token on. */
  readonly decodeSeconds: number;
  readonly drafted: number;
  readonly accepted: number;
}

export interface Generator {
  readonly session: Session;
  /** Tokens of the prompt that need not run again. */
  reusable(prompt: Int32Array): number;
  /** Throws kind `input` when the prompt leaves no room for an answer, or for sampling values outside their range. */
  run(prompt: Int32Array, options: GenerateOptions): Promise<Generation>;
}

/** Prompt tokens a native call: large enough to keep matrix products busy, small enough that a cancel is felt at once. */
const prefillChunk = 256;

export function createGenerator(model: LoadedModel, capacity: number): Generator {
  const session = model.createSession(capacity);
  const { vocabSize } = model.config.shape;
  /** Ids whose keys and values the session holds. */
  let held: number[] = [];
  const guarded = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (cause) {
      // How far the session got is unknown: start afresh next time.
      session.truncate(0);
      held = [];
      throw new EngineError('internal', cause instanceof Error ? cause.message : String(cause), { file: model.directory, cause });
    }
  };
  const shrink = (length: number): void => {
    session.truncate(length);
    held.length = length;
  };
  /** All of the prompt but its last chunk. */
  const prefill = async (prompt: Int32Array, signal: AbortSignal | undefined): Promise<{ readonly cached: number; readonly rest: Int32Array | null }> => {
    // At least one token must run, to have logits.
    const cached = Math.min(commonPrefix(held, prompt), prompt.length - 1);
    shrink(cached);
    let begin = cached;
    for (; begin + prefillChunk < prompt.length; begin += prefillChunk) {
      if (signal?.aborted) break;
      const ids = prompt.slice(begin, begin + prefillChunk);
      await guarded(model.forward(session, ids, 'none'));
      for (const id of ids) held.push(id);
    }
    return { cached, rest: signal?.aborted ? null : prompt.slice(begin) };
  };
  return {
    session,
    reusable: (prompt) => commonPrefix(held, prompt),
    run: async (prompt, { sampling, maxTokens, endIds, signal, drafts, constraint, policy = draftPolicy(), onToken }) => {
      if (prompt.length === 0) throw new EngineError('input', 'the prompt has no tokens');
      if (prompt.length >= capacity) {
        throw new EngineError('input', `the conversation has ${prompt.length} tokens and the context holds ${capacity}; start a new chat or shorten it`);
      }
      const sampler = createSampler(model.binding, vocabSize, sampling);
      sampler.observe(prompt);
      const masks = constraint === undefined ? null : maskRows(constraint, vocabSize);
      const start = performance.now();
      const { cached, rest } = await prefill(prompt, signal);
      let decodeStart = performance.now();
      const history = Array.from(prompt);
      let [tokens, drafted, accepted, state] = [0, 0, 0, constraint?.start ?? 0];
      const finish = (finishReason: Generation['finishReason']): Generation => {
        // Guesses behind the end of the answer are no part of the conversation.
        shrink(Math.min(held.length, prompt.length + tokens));
        const end = performance.now();
        return {
          finishReason,
          cachedTokens: cached,
          tokens,
          prefillSeconds: (decodeStart - start) / 1000,
          decodeSeconds: (end - decodeStart) / 1000,
          drafted,
          accepted,
        };
      };
      const propose = async (): Promise<readonly number[]> => {
        const most = tokens === 0 || drafts === undefined ? 0 : Math.min(policy.length(), maxTokens - tokens - 1, capacity - held.length - 1);
        if (most <= 0 || drafts === undefined) return [];
        const proposed = await guarded(Promise.resolve(drafts.propose({ history, most, drawn: tokens, constraint: constraint ?? null, state })));
        return usable(proposed.slice(0, most), endIds, constraint, state, vocabSize);
      };
      for (let pending = rest; pending !== null; ) {
        if (signal?.aborted) break;
        if (tokens >= maxTokens) return finish('length');
        const begin = performance.now();
        const guesses = await propose();
        const input = guesses.length === 0 ? pending : Int32Array.of(...pending, ...guesses);
        const sampled = await guarded(model.forward.step(session, input, guesses.length, sampler, masks?.(state, guesses)));
        for (const id of pending) held.push(id);
        for (const id of sampled.subarray(0, -1)) held.push(id);
        const now = performance.now();
        if (tokens === 0) decodeStart = now;
        else policy.record(guesses.length, sampled.length - 1, (now - begin) / 1000);
        drafted += guesses.length;
        accepted += sampled.length - 1;
        for (const id of sampled) {
          if (endIds.has(id)) return finish('stop');
          tokens++;
          history.push(id);
          if (constraint !== undefined) state = constraint.next(state, id);
          if (onToken(id) || constraint?.finished(state)) return finish('stop');
          if (tokens >= maxTokens) return finish('length');
        }
        if (session.length >= capacity) return finish('context');
        pending = sampled.slice(-1);
      }
      return finish('cancelled');
    },
  };
}

/** Guesses up to the first that cannot be followed: an end token, one that the constraint forbids or that ends it. */
function usable(
  proposed: readonly number[],
  endIds: ReadonlySet<number>,
  constraint: TokenConstraint | undefined,
  from: number,
  vocabulary: number,
): readonly number[] {
  let state = from;
  const stop = proposed.findIndex((id) => {
    if (endIds.has(id) || id >= vocabulary) return true;
    if (constraint === undefined) return false;
    state = constraint.next(state, id);
    return state < 0 || constraint.finished(state);
  });
  return stop < 0 ? proposed : proposed.slice(0, stop);
}

/** The masks of a step side by side, in memory that is used again for the next. */
function maskRows(constraint: TokenConstraint, vocabulary: number): (state: number, guesses: readonly number[]) => Int32Array {
  const words = Math.ceil(vocabulary / 32);
  const rows = new Int32Array((mostDrafted + 1) * words);
  return (state, guesses) => {
    let at = state;
    rows.set(constraint.mask(at), 0);
    for (const [index, id] of guesses.entries()) {
      at = constraint.next(at, id);
      rows.set(constraint.mask(at), (index + 1) * words);
    }
    return rows.subarray(0, (guesses.length + 1) * words);
  };
}
