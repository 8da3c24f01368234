import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialState } from './chat-state.ts';
import { statusText } from './figures.ts';

const figures = {
  finishReason: 'stop',
  tokensPerSecond: 23.45,
  tokens: 9,
  contextUsed: 40,
  contextLength: 1024,
  memoryBytes: 45_600_000,
  kvCache: 'kivi4',
  kvBytesPerToken: 3072.4,
  cacheBytes: 122_880,
};

const ready = { ...initialState, known: true };

test('before anything is known the line is empty; then it says whether there is a model', () => {
  assert.equal(statusText(initialState), '');
  assert.equal(statusText(ready), 'No model');
  assert.equal(statusText({ ...ready, model: '/m' }), 'Ready');
});

test('after an answer the line tells speed, context and memory', () => {
  assert.equal(statusText({ ...ready, model: '/m', figures }), '23.4 tokens/s · context 40 of 1024 · 45.6 MB · KV cache kivi4: 3072 B/token, 0.12 MB');
  assert.match(statusText({ ...ready, model: '/m', figures: { ...figures, tokensPerSecond: 123.45 } }), /^123 tokens/);
});

test('an answer that did not end by itself says why', () => {
  assert.match(statusText({ ...ready, model: '/m', figures: { ...figures, finishReason: 'cancelled' } }), /^stopped · /);
});

test('while an answer is written the line counts its tokens', () => {
  assert.equal(statusText({ ...initialState, busy: true, tokens: 12, figures }), 'Writing, 12 tokens so far');
});
