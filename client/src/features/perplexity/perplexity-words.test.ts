import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PerplexityResult } from '@quantwright/schemas/rpc/engine';
import { measuringLine, perplexityReport, perplexityWords } from './perplexity-words.ts';

const result: PerplexityResult = {
  perplexity: 18.1884,
  bitsPerByte: 1.04604,
  totalNats: 35_000,
  predictedTokens: 12_064,
  predictedBytes: 46_075,
  windows: 12,
  window: 1024,
  stride: 1024,
  seconds: 4.2,
  tokensPerSecond: 2871.6,
  peakMemoryBytes: 120_000_000,
};

test('progress tells the window, the perplexity so far and the speed', () => {
  assert.equal(
    measuringLine({ windowsDone: 3, windows: 12, perplexity: 18.456, tokensPerSecond: 2871.6 }),
    'window 3/12, perplexity so far 18.46, 2872 tokens/s',
  );
});

test('the result names model and text', () => {
  assert.equal(perplexityWords('quill-16m', 'a.txt', result), 'Perplexity of quill-16m on a.txt: 18.188 (1.046 bits per byte, 2872 tokens/s).');
});

test('the report holds window and stride, without which the number means nothing', () => {
  assert.match(perplexityReport('/m', '/t.txt', result), /\| Windows \| 12 of 1024 tokens, stride 1024 \|/);
});
