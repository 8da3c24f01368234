import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuantizeResult } from '@quantwright/schemas/rpc/engine';
import { progressLine, resultWords } from './quantize-words.ts';

const result: QuantizeResult = {
  outDir: '/w/quill-16m-int8',
  method: 'instant_quant',
  saveFormat: 'quantwright',
  inputBytes: 31_478_456,
  outputBytes: 18_900_000,
  bitsPerWeight: 8.0833,
  seconds: 2.44,
  peakMemoryBytes: 50_000_000,
  modules: [],
  warnings: [],
};

test('progress names block and module, percentage and time left', () => {
  const line = progressLine({
    phase: 'module',
    block: 2,
    blocks: 8,
    module: 'model.layers.2.mlp.down_proj',
    index: 20,
    modules: 56,
    bytesDone: 41,
    bytesTotal: 100,
    etaSeconds: 12,
    sqnrDb: 40,
  });
  assert.deepEqual(line, { message: 'block 3/8, mlp.down_proj, 41 %, 12 s left', percent: 41 });
});

test('the plan tells sizes, memory, and the time where it is known', () => {
  const plan = { phase: 'plan', blocks: 8, modules: 56, inputBytes: 31_478_456, outputBytes: 18_900_000, peakMemoryBytes: 107_000_000 } as const;
  assert.equal(progressLine(plan).message, '56 modules in 8 blocks, 31.5 MB to 18.9 MB, 107 MB of memory');
});

test('without an estimate no time is promised', () => {
  const line = progressLine({
    phase: 'module',
    block: 0,
    blocks: 8,
    module: 'lm_head',
    index: 0,
    modules: 56,
    bytesDone: 0,
    bytesTotal: 0,
    etaSeconds: null,
    sqnrDb: 40,
  });
  assert.equal(line.message, 'block 1/8, lm_head, 0 %');
});

test('the result holds size, bits, perplexity and time, before and after', () => {
  assert.equal(
    resultWords('quill-16m-int8', result, { before: 18.19, after: 18.184 }),
    'quill-16m-int8 is ready: 31.5 MB → 18.9 MB, 8.08 bits/weight, perplexity 18.190 → 18.184, quantized in 2.4 s.',
  );
});

test('a skipped measurement is said, not hidden', () => {
  assert.match(resultWords('x', result, null), /perplexity not measured/);
});
