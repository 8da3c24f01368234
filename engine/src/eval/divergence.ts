// How far a model's next-token distributions are from a reference model's on the same text: Kullback-Leibler divergence and agreement of the
// most likely token. Finer than perplexity: it needs no luck with the text's own continuations. Logits are made a few rows at a time, never kept.
import { EngineError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';

export interface DivergenceOptions {
  /** Tokens a window, without context from before; default: the smaller context, at most 1024. */
  readonly window?: number;
  /** Only the first ids; both models' whole vocabularies are looked at for every token, which costs more than the perplexity itself. */
  readonly maxTokens?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (tokensDone: number, tokens: number) => void;
}

export interface Divergence {
  /** Mean of sum p log(p/q) in nats, p the reference. */
  readonly meanNats: number;
  readonly medianNats: number;
  /** 99 of 100 tokens are at most this far. */
  readonly p99Nats: number;
  readonly maxNats: number;
  /** Fraction of tokens whose most likely successor is the same. */
  readonly top1Agreement: number;
  readonly tokens: number;
}

/** Rows of logits at a time: two vocabularies of 128,000 stay below 32 MiB each. */
const rowsAtOnce = 32;

/** Throws kind `input` when the vocabularies differ in size. */
export async function measureDivergence(reference: LoadedModel, candidate: LoadedModel, ids: Int32Array, options: DivergenceOptions = {}): Promise<Divergence> {
  const vocabulary = reference.config.shape.vocabSize;
  if (candidate.config.shape.vocabSize !== vocabulary) {
    throw new EngineError(
      'input',
      `${candidate.directory} has ${candidate.config.shape.vocabSize} tokens in its vocabulary, ${reference.directory} has ${vocabulary}: their distributions cannot be compared`,
    );
  }
  const tokens = Math.min(ids.length, options.maxTokens ?? ids.length);
  const window = Math.min(options.window ?? 1024, reference.contextLength, candidate.contextLength);
  const sessions = [reference.createSession(window), candidate.createSession(window)] as const;
  const distances = new Float64Array(tokens);
  let agreeing = 0;
  let begin = 0;
  while (begin < tokens) {
    options.signal?.throwIfAborted();
    const inWindow = begin % window;
    if (inWindow === 0) for (const session of sessions) session.truncate(0);
    const rows = ids.subarray(begin, Math.min(begin + rowsAtOnce, begin + window - inWindow, tokens));
    const p = await reference.program.run(sessions[0], rows, 'all');
    const q = await candidate.program.run(sessions[1], rows, 'all');
    for (let row = 0; row < rows.length; row++) {
      const { nats, agrees } = divergenceOfRow(p.subarray(row * vocabulary, (row + 1) * vocabulary), q.subarray(row * vocabulary, (row + 1) * vocabulary));
      distances[begin + row] = nats;
      if (agrees) agreeing++;
    }
    begin += rows.length;
    options.onProgress?.(begin, tokens);
  }
  return { ...distribution(distances), top1Agreement: agreeing / tokens, tokens };
}

/** Sorts in place. Quantiles are linear between neighbours (numpy's default). Of none: all 0. */
export function distribution(nats: Float64Array): Pick<Divergence, 'meanNats' | 'medianNats' | 'p99Nats' | 'maxNats'> {
  const sum = nats.reduce((total, value) => total + value, 0);
  nats.sort();
  const quantile = (share: number): number => {
    const at = share * (nats.length - 1);
    const below = nats[Math.floor(at)] ?? 0;
    return below + (at - Math.floor(at)) * ((nats[Math.ceil(at)] ?? below) - below);
  };
  return { meanNats: sum / Math.max(nats.length, 1), medianNats: quantile(0.5), p99Nats: quantile(0.99), maxNats: nats.at(-1) ?? 0 };
}

/** Of two rows of logits. Sums in f64; never below 0. */
export function divergenceOfRow(p: Float32Array, q: Float32Array): { readonly nats: number; readonly agrees: boolean } {
  let bestP = 0;
  let bestQ = 0;
  for (let i = 1; i < p.length; i++) {
    if ((p[i] ?? 0) > (p[bestP] ?? 0)) bestP = i;
    if ((q[i] ?? 0) > (q[bestQ] ?? 0)) bestQ = i;
  }
  const topP = p[bestP] ?? 0;
  const topQ = q[bestQ] ?? 0;
  let sumP = 0;
  let sumQ = 0;
  let cross = 0;
  for (let i = 0; i < p.length; i++) {
    const a = (p[i] ?? 0) - topP;
    const b = (q[i] ?? 0) - topQ;
    const weight = Math.exp(a);
    sumP += weight;
    sumQ += Math.exp(b);
    cross += weight * (a - b);
  }
  return { nats: Math.max(0, cross / sumP - Math.log(sumP) + Math.log(sumQ)), agrees: bestP === bestQ };
}
