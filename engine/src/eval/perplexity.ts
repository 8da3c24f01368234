// Perplexity of a text under a model: exp(total nats / predicted tokens), and bits per byte of the predicted tokens' text, which is comparable
// across tokenizers. Protocols in windows.ts; log-softmax and sums are native (f64).
import { freemem } from 'node:os';
import type { ScoredPart } from '@quantwright/native/binding';
import type { PerplexityProgress, PerplexityResult } from '@quantwright/schemas/rpc/engine';
import type { PerplexityRunResult, TextSource } from '@quantwright/schemas/runs/results';
import { EngineError } from '../errors.ts';
import { watchPeakMemory } from '../jobs/peak-memory.ts';
import { kvBytesPerToken } from '../kv/token-bytes.ts';
import type { LoadedModel } from '../model/load.ts';
import { planWindows, type Window } from './windows.ts';

export interface PerplexityOptions {
  /** Tokens a window; default the model's context, at most 2048. */
  readonly window?: number;
  /** Default: window (no overlap). */
  readonly stride?: number;
  /** Only the first ids of the text. */
  readonly maxTokens?: number;
  /** Windows that run at once; default: as many as fill one pass of the linears, one when a window does that by itself. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PerplexityProgress) => void;
}

export interface MeasuredPerplexity extends PerplexityResult {
  /** Loss of each window's predicted tokens. */
  readonly windowNats: readonly number[];
}

/** What a run keeps of it. */
export function perplexityRunResult(measured: MeasuredPerplexity, text: TextSource): PerplexityRunResult {
  const { window, stride, perplexity, bitsPerByte, totalNats, predictedTokens, predictedBytes, windowNats, tokensPerSecond } = measured;
  return { text, window, stride, perplexity, bitsPerByte, totalNats, predictedTokens, predictedBytes, windowNats, tokensPerSecond };
}

/** Encodes `text` once as a whole. Throws kind `input` for options outside the model's range, and the signal's reason when aborted (between windows). */
export async function measurePerplexity(model: LoadedModel, text: string, options: PerplexityOptions = {}): Promise<MeasuredPerplexity> {
  const tokenizer = await model.tokenizer();
  const ids = tokenizer.encode(text, { specialTokens: true });
  return measureIds(model, ids, (id) => tokenizer.bytesOf(id).length, options);
}

/** As measurePerplexity, for ids. `byteLength`: bytes of an id's text. */
export async function measureIds(
  model: LoadedModel,
  ids: Int32Array,
  byteLength: (id: number) => number,
  options: PerplexityOptions = {},
): Promise<MeasuredPerplexity> {
  const window = options.window ?? Math.min(model.contextLength, 2_048);
  const stride = options.stride ?? window;
  checkRange('window', window, 2, model.contextLength, "the model's context");
  if (options.batch !== undefined) checkRange('batch', options.batch, 1, maxBatch, 'windows that can run at once');
  checkRange('stride', stride, 1, window, 'the window');
  if (options.maxTokens !== undefined) checkRange('maxTokens', options.maxTokens, 2, Number.MAX_SAFE_INTEGER, 'what a number holds');
  const tokens = ids.subarray(0, Math.min(ids.length, options.maxTokens ?? ids.length));
  const windows = planWindows(tokens.length, window, stride);
  if (windows.length === 0)
    throw new EngineError(
      'input',
      `the text has ${tokens.length === 1 ? '1 token' : `${tokens.length} tokens`}; at least 2 are needed, so that one can be predicted`,
    );
  const capacity = Math.min(window, tokens.length);
  const batch = Math.min(windows.length, options.batch ?? defaultBatch(model, capacity));
  const sessions = Array.from({ length: batch }, () => model.createSession(capacity));
  const memory = watchPeakMemory();
  const start = performance.now();
  const windowNats: number[] = [];
  let totalNats = 0;
  let predictedTokens = 0;
  let predictedBytes = 0;
  let run = 0;
  const seconds = (): number => (performance.now() - start) / 1000;
  for (let first = 0; first < windows.length; first += batch) {
    options.signal?.throwIfAborted();
    const group = windows.slice(first, first + batch);
    for (const session of sessions) session.truncate(0);
    const scores = await model.program.scoreBatch(
      sessions.slice(0, group.length).map((session, at): ScoredPart => {
        const { begin, end, firstPredicted } = group[at] as Window;
        return { session, tokens: tokens.subarray(begin, end), from: firstPredicted - begin - 1 };
      }),
    );
    memory.sample();
    for (const [at, { begin, end, firstPredicted }] of group.entries()) {
      options.signal?.throwIfAborted();
      const nats = scores[at] ?? new Float64Array();
      const sum = sumNats(nats, firstPredicted, first + at, model.directory);
      windowNats.push(sum);
      totalNats += sum;
      predictedTokens += nats.length;
      for (let id = firstPredicted; id < end; id++) predictedBytes += byteLength(tokens[id] ?? 0);
      run += end - begin;
      options.onProgress?.({
        windowsDone: first + at + 1,
        windows: windows.length,
        perplexity: Math.exp(totalNats / predictedTokens),
        tokensPerSecond: run / seconds(),
      });
    }
  }
  return {
    perplexity: Math.exp(totalNats / predictedTokens),
    bitsPerByte: totalNats / Math.LN2 / predictedBytes,
    totalNats,
    predictedTokens,
    predictedBytes,
    windows: windows.length,
    window: Math.min(window, tokens.length),
    // As it was run: a text shorter than the window is one window.
    stride: Math.min(stride, window, tokens.length),
    seconds: seconds(),
    tokensPerSecond: run / seconds(),
    peakMemoryBytes: memory.peak(),
    windowNats,
  };
}

/** Rows of a pass of the linears (kernels/program, kChunkRows): larger batches gain nothing. */
const passRows = 256;
const maxBatch = 256;

/** Windows that fill a pass, while their caches take no more than a quarter of the free memory. */
function defaultBatch(model: LoadedModel, window: number): number {
  const cacheBytes = window * kvBytesPerToken(model);
  return Math.max(1, Math.min(Math.floor(passRows / window), Math.floor(freemem() / 4 / cacheBytes)));
}

function sumNats(nats: Float64Array, firstPredicted: number, window: number, directory: string): number {
  let sum = 0;
  for (let index = 0; index < nats.length; index++) sum += nats[index] ?? 0;
  if (Number.isFinite(sum)) return sum;
  const at = nats.findIndex((value) => !Number.isFinite(value));
  throw new EngineError(
    'checkpoint',
    `${directory}: the model gives token ${firstPredicted + at} (window ${window}) the loss ${nats[at]}; a weight or scale is NaN or infinite`,
    { file: directory },
  );
}

function checkRange(name: string, value: number, least: number, most: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new EngineError('input', `${name} is ${value}; it must be an integer from ${least} to ${most} (${what})`);
}
