// Conversations with a loaded model: messages in, streamed text out, with what it cost. One turn at a time; the cache of the last turn is reused.
import { randomInt } from 'node:crypto';
import type { ChatDelta, ChatMessage, ChatResult, Sampling } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import type { LoadedModel } from '../model/load.ts';
import { type GenerationDefaults, readGenerationDefaults } from '../text/generation-defaults.ts';
import { encodePrompt } from '../text/prompt.ts';
import { createSampler } from '../text/sampling.ts';
import { createGenerator } from './generate.ts';
import { stopFilter } from './stop-strings.ts';

export interface ChatTurn {
  /** The whole conversation. */
  readonly messages: readonly ChatMessage[];
  /** Goes before the model's own generation_config.json, value by value. Without a seed every sampled answer is another one. */
  readonly sampling?: Sampling | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the first token, then about every 30 ms with the text since the last call. */
  readonly onDelta?: ((delta: ChatDelta) => void) | undefined;
}

export interface Chat {
  /** Most tokens a conversation can have: the model's context, or less where its cache would not fit `cacheLimitBytes`. */
  readonly contextLength: number;
  /** What the model's own files say; values of a turn go before these. */
  readonly defaults: GenerationDefaults;
  /** Cancelling resolves with finishReason `cancelled` and the text so far. Throws kind `busy` while another turn runs, `input` when the conversation does not fit. */
  turn(turn: ChatTurn): Promise<ChatResult>;
}

/** Answers are cut here unless the caller or the model says otherwise; a model that never ends would fill its context. */
export const defaultMaxTokens = 512;
/** One message to the editor per frame and a half: smooth to read, cheap to send. */
const deltaMilliseconds = 30;
/** Cache of a conversation; a long-context model would otherwise ask for more than the weights. */
const cacheLimitBytes = 1024 ** 3;

export async function createChat(model: LoadedModel): Promise<Chat> {
  const tokenizer = await model.tokenizer();
  const capacity = Math.min(model.contextLength, Math.floor(cacheLimitBytes / cacheBytesPerToken(model.config)));
  const generator = createGenerator(model, capacity);
  let running = false;
  const defaults = await readGenerationDefaults(model.directory);
  const turn = async ({ messages, sampling: asked = {}, signal, onDelta }: ChatTurn): Promise<ChatResult> => {
    const sampling: Sampling = { seed: randomInt(2 ** 32), ...defaults, ...asked };
    const prompt = encodePrompt(tokenizer, messages, model.directory);
    const stream = tokenizer.stream();
    const stops = stopFilter(sampling.stop ?? []);
    const deltas = batch(onDelta);
    let stopped = false;
    const generation = await generator.run(prompt.ids, {
      sampler: createSampler(sampling),
      maxTokens: maxTokensOf(sampling),
      endIds: tokenizer.endIds,
      signal,
      onToken: (id) => {
        const found = stops.push(stream.push(id));
        deltas.add(found.text, 1);
        stopped = found.stopped;
        return stopped;
      },
    });
    // After a stop string nothing more is shown; otherwise what the filters held back is.
    if (!stopped) deltas.add(stops.push(stream.end()).text + stops.end(), 0);
    deltas.flush();
    const prefilled = prompt.ids.length - generation.cachedTokens;
    return {
      text: deltas.text(),
      finishReason: generation.finishReason,
      promptTokens: prompt.ids.length,
      cachedTokens: generation.cachedTokens,
      tokens: generation.tokens,
      prefillTokensPerSecond: rate(prefilled, generation.prefillSeconds),
      tokensPerSecond: rate(generation.tokens, generation.decodeSeconds),
      contextUsed: generator.session.length,
      contextLength: capacity,
      cacheBytes: generator.session.cacheBytes,
      memoryBytes: process.memoryUsage.rss(),
    };
  };
  return {
    contextLength: capacity,
    defaults,
    turn: async (request) => {
      if (running) throw new EngineError('busy', 'this model is answering another message; wait or cancel it', { file: model.directory });
      running = true;
      try {
        return await turn(request);
      } finally {
        running = false;
      }
    },
  };
}

/** Keys and values of all layers, f32. */
function cacheBytesPerToken({ shape }: ModelConfig): number {
  return shape.layers * 2 * shape.kvHeads * shape.headDim * 4;
}

function maxTokensOf(sampling: Sampling): number {
  const { maxTokens = defaultMaxTokens } = sampling;
  if (Number.isSafeInteger(maxTokens) && maxTokens > 0) return maxTokens;
  throw new EngineError('input', `sampling: maxTokens is ${maxTokens}; it must be a positive integer`);
}

function rate(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0;
}

interface DeltaBatch {
  add(text: string, tokens: number): void;
  flush(): void;
  text(): string;
}

function batch(onDelta: ((delta: ChatDelta) => void) | undefined): DeltaBatch {
  let whole = '';
  let text = '';
  let tokens = 0;
  // The first token is shown at once.
  let sent = Number.NEGATIVE_INFINITY;
  const flush = (): void => {
    if (text !== '' || tokens > 0) onDelta?.({ text, tokens });
    text = '';
    tokens = 0;
    sent = performance.now();
  };
  return {
    add: (more, count) => {
      whole += more;
      text += more;
      tokens += count;
      if (performance.now() - sent >= deltaMilliseconds) flush();
    },
    flush,
    text: () => whole,
  };
}
