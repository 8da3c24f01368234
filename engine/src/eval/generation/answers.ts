// Greedy answers to many prompts, several at a time: each place has a session, and the forward passes of all places are shared (model.forward). A place keeps
// what its next prompt begins with, so few-shot examples and long texts that prompts share are read once.
import { freemem } from 'node:os';
import { createGenerator } from '../../chat/generate.ts';
import { stopFilter } from '../../chat/stop-strings.ts';
import type { LoadedModel } from '../../model/load.ts';

export interface Question {
  readonly prompt: Int32Array;
  readonly maxTokens: number;
  readonly stop: readonly string[];
}

export interface Answer {
  /** Without special tokens, up to the first stop text. */
  readonly text: string;
  readonly tokens: number;
  /** Whether the model ended it, or a stop text did. */
  readonly ended: boolean;
}

export interface AnswerOptions {
  /** Answers written at once; default as many as the kernels of decoding take rows and a quarter of the free memory holds caches for. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
}

/** As many rows as the kernels of decoding take (model/forward.ts). */
const mostPlaces = 8;

/** `done` is told of every answer, in the order in which they end. Throws the signal's reason when aborted (between tokens). */
export async function answerAll(
  model: LoadedModel,
  questions: readonly Question[],
  { batch, signal }: AnswerOptions,
  done: (index: number, answer: Answer) => Promise<void> | void,
): Promise<void> {
  const tokenizer = await model.tokenizer();
  const longest = questions.reduce((most, { prompt, maxTokens }) => Math.max(most, prompt.length + maxTokens), 2);
  const capacity = Math.min(longest, model.contextLength);
  const { layers, kvHeads, headDim } = model.config.shape;
  const fitting = Math.floor(freemem() / 4 / (capacity * layers * 2 * kvHeads * headDim * 4));
  const places = Math.max(1, Math.min(questions.length, batch ?? Math.min(mostPlaces, fitting)));
  let next = 0;
  let failed = false;
  const place = async (): Promise<void> => {
    const generator = createGenerator(model, capacity);
    while (next < questions.length && !failed) {
      signal?.throwIfAborted();
      const index = next++;
      const { prompt, maxTokens, stop } = questions[index] as Question;
      const stream = tokenizer.stream();
      const stops = stopFilter(stop);
      let text = '';
      let stopped = false;
      const generation = await generator.run(prompt, {
        sampling: { temperature: 0 },
        maxTokens,
        endIds: tokenizer.endIds,
        signal,
        onToken: (id) => {
          const found = stops.push(stream.push(id));
          text += found.text;
          stopped = found.stopped;
          return stopped;
        },
      });
      signal?.throwIfAborted();
      if (!stopped) text += stops.push(stream.end()).text + stops.end();
      await done(index, { text, tokens: generation.tokens, ended: generation.finishReason === 'stop' });
    }
  };
  const running = Array.from({ length: places }, () =>
    place().catch((cause: unknown) => {
      failed = true;
      throw cause;
    }),
  );
  // All of them: none may run on when the caller goes on.
  const outcomes = await Promise.allSettled(running);
  const rejected = outcomes.find((outcome) => outcome.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}
