// Words of a perplexity measurement: progress, result, and the document with its details. Pure.
import type { PerplexityProgress, PerplexityResult } from '@quantwright/schemas/rpc/engine';
import { durationWords, sizeWords } from '../models/units.ts';

export function measuringLine({ windowsDone, windows, perplexity, tokensPerSecond }: PerplexityProgress): string {
  return `window ${windowsDone}/${windows}, perplexity so far ${perplexity.toFixed(2)}, ${Math.round(tokensPerSecond)} tokens/s`;
}

export function perplexityWords(model: string, text: string, result: PerplexityResult): string {
  return `Perplexity of ${model} on ${text}: ${result.perplexity.toFixed(3)} (${result.bitsPerByte.toFixed(3)} bits per byte, ${Math.round(result.tokensPerSecond)} tokens/s).`;
}

/** Markdown document that says everything that is needed to measure the same again. */
export function perplexityReport(modelDir: string, textPath: string, result: PerplexityResult): string {
  const rows: readonly (readonly [string, string])[] = [
    ['Model', modelDir],
    ['Text', textPath],
    ['Perplexity', result.perplexity.toFixed(5)],
    ['Bits per byte', result.bitsPerByte.toFixed(5)],
    ['Predicted tokens', String(result.predictedTokens)],
    ['Predicted bytes', String(result.predictedBytes)],
    ['Negative log-likelihood', `${result.totalNats.toFixed(2)} nats`],
    ['Windows', `${result.windows} of ${result.window} tokens, stride ${result.stride}`],
    ['Time', `${durationWords(result.seconds)} (${Math.round(result.tokensPerSecond)} tokens/s)`],
    ['Peak memory', sizeWords(result.peakMemoryBytes)],
  ];
  return [
    '# Perplexity',
    '',
    '| | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '',
    'Perplexities compare only between models with the same tokenizer, on the same text and windows; bits per byte compare between tokenizers too.',
    '',
  ].join('\n');
}
