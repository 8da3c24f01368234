import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConvertResult, convertTargets } from '@quantwright/schemas/rpc/engine';
import { convertedName, convertedWords, layoutChoices } from './repack-words.ts';

const result: ConvertResult = {
  outDir: '/w/quill-awq',
  from: 'gptq',
  to: 'awq',
  files: ['model.safetensors'],
  linears: [{ form: '4-bit codes, groups of 32', modules: 56 }],
  inputBytes: 13_000_000,
  outputBytes: 12_600_000,
  seconds: 1,
  peakMemoryBytes: 1,
  warnings: [],
};

test('every layout that the engine converts into is offered', () => {
  assert.deepEqual(layoutChoices.map(({ to }) => to).sort(), [...convertTargets].sort());
});

test('the result is named after the model and the layout', () => {
  assert.equal(convertedName('/models/quill-16m', 'awq'), 'quill-16m-awq');
  assert.equal(convertedName('/models/quill-Q4_0.gguf', 'gptq'), 'quill-Q4_0-gptq');
});

test('the result says what the linears are, and every warning', () => {
  assert.equal(convertedWords('quill-awq', result), 'quill-awq: 56 linears, 4-bit codes, groups of 32; 12.6 MB, nothing was quantized again.');
  assert.match(convertedWords('q', { ...result, linears: [], warnings: ['minimums were rounded'] }), /weights as stored; .*minimums were rounded\.$/);
});
