// One generation over a cached session: prompt ids in, token by token out. Keeps what the session holds, so that the next prompt reuses
// the longest common prefix. Knows nothing of text; chat.ts does.
import type { Session } from '@quantwright/native/binding';
import { EngineError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';
import type { Sampler } from '../text/sampling.ts';

export interface GenerateOptions {
  readonly sampler: Sampler;
  readonly maxTokens: number;
  readonly endIds: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
  /** For every token but the end token; true ends the generation (a stop string). */
  readonly onToken: (id: number) => boolean;
}

export interface Generation {
  readonly finishReason: 'stop' | 'length' | 'cancelled' | 'context';
  /** Prompt tokens taken from the cache. */
  readonly cachedTokens: number;
  readonly tokens: number;
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
}

export interface Generator {
  readonly session: Session;
  /** Tokens of the prompt that need not run again. */
  reusable(prompt: Int32Array): number;
  /** Throws kind `input` when the prompt leaves no room for an answer. */
  run(prompt: Int32Array, options: GenerateOptions): Promise<Generation>;
}

/** Prompt tokens a native call: large enough to keep matrix products busy, small enough that a cancel is felt at once. */
const prefillChunk = 256;

export function createGenerator(model: LoadedModel, capacity: number): Generator {
  const session = model.createSession(capacity);
  /** Ids whose keys and values the session holds. */
  let held: number[] = [];
  const append = async (ids: Int32Array, rows: 'last' | 'none'): Promise<Float32Array> => {
    try {
      const logits = await model.forward(session, ids, rows);
      for (const id of ids) held.push(id);
      return logits;
    } catch (cause) {
      // How far the session got is unknown: start afresh next time.
      session.truncate(0);
      held = [];
      throw cause;
    }
  };
  const prefill = async (prompt: Int32Array, signal: AbortSignal | undefined): Promise<{ readonly cached: number; readonly logits: Float32Array | null }> => {
    // At least one token must run, to have logits.
    const cached = Math.min(commonPrefix(held, prompt), prompt.length - 1);
    session.truncate(cached);
    held.length = cached;
    let logits: Float32Array | null = null;
    for (let begin = cached; begin < prompt.length; begin += prefillChunk) {
      if (signal?.aborted) return { cached, logits: null };
      const end = Math.min(begin + prefillChunk, prompt.length);
      logits = await append(prompt.slice(begin, end), end === prompt.length ? 'last' : 'none');
    }
    return { cached, logits };
  };
  return {
    session,
    reusable: (prompt) => commonPrefix(held, prompt),
    run: async (prompt, { sampler, maxTokens, endIds, signal, onToken }) => {
      if (prompt.length === 0) throw new EngineError('input', 'the prompt has no tokens');
      if (prompt.length >= capacity) {
        throw new EngineError('input', `the conversation has ${prompt.length} tokens and the context holds ${capacity}; start a new chat or shorten it`);
      }
      const start = performance.now();
      const first = await prefill(prompt, signal);
      const prefilled = performance.now();
      const history = Array.from(prompt);
      let { logits } = first;
      let tokens = 0;
      const finish = (finishReason: Generation['finishReason']): Generation => ({
        finishReason,
        cachedTokens: first.cached,
        tokens,
        prefillSeconds: (prefilled - start) / 1000,
        decodeSeconds: (performance.now() - prefilled) / 1000,
      });
      while (logits !== null) {
        if (signal?.aborted) break;
        if (tokens >= maxTokens) return finish('length');
        const id = sampler.next(logits, history);
        if (endIds.has(id)) return finish('stop');
        tokens++;
        history.push(id);
        if (onToken(id)) return finish('stop');
        if (tokens >= maxTokens) return finish('length');
        if (session.length >= capacity) return finish('context');
        logits = await append(Int32Array.of(id), 'last');
      }
      return finish('cancelled');
    },
  };
}

function commonPrefix(held: readonly number[], prompt: Int32Array): number {
  let length = 0;
  while (length < held.length && length < prompt.length && held[length] === prompt[length]) length++;
  return length;
}
