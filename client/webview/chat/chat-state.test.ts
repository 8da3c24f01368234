import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToChat } from '@quantwright/schemas/rpc/webview';
import { initialState, reduce } from './chat-state.ts';

const asked: ToChat = { type: 'state', models: [], model: '/m', kvCache: null, messages: [{ role: 'user', content: 'Hi' }], busy: true };
const done: ToChat = {
  type: 'done',
  finishReason: 'stop',
  tokensPerSecond: 200,
  tokens: 3,
  contextUsed: 20,
  contextLength: 1024,
  memoryBytes: 1e6,
  kvCache: 'f32',
  kvBytesPerToken: 12_288,
  cacheBytes: 245_760,
};

test('nothing is known before the first state, and everything after it', () => {
  assert.equal(initialState.known, false);
  assert.equal(reduce(initialState, asked).known, true);
});

test('deltas build the answer and count its tokens', () => {
  const state = [asked, { type: 'delta', text: 'Hel', tokens: 1 } as const, { type: 'delta', text: 'lo', tokens: 2 } as const].reduce(reduce, initialState);
  assert.deepEqual(state.messages.at(-1), { role: 'assistant', content: 'Hello' });
  assert.equal(state.tokens, 3);
  assert.equal(state.busy, true);
});

test('done ends the turn and keeps its figures until the next chat', () => {
  const finished = [asked, done].reduce(reduce, initialState);
  assert.equal(finished.busy, false);
  assert.equal(finished.figures?.tokensPerSecond, 200);
  const fresh = reduce(finished, { type: 'state', models: [], model: '/m', kvCache: null, messages: [], busy: false });
  assert.equal(fresh.figures, null);
});

test('a late delta of a turn that ended is dropped', () => {
  const finished = [asked, done].reduce(reduce, initialState);
  assert.equal(reduce(finished, { type: 'delta', text: 'x', tokens: 1 }), finished);
});

test('a notice stays while nothing happens and goes with the next question', () => {
  const told = [
    asked,
    { type: 'state', models: [], model: '/m', kvCache: null, messages: [{ role: 'user', content: 'Hi' }], busy: false } as const,
    { type: 'notice', level: 'warning', text: 'gone' } as const,
  ].reduce(reduce, initialState);
  assert.equal(told.notice?.text, 'gone');
  assert.equal(reduce(told, asked).notice, null);
});

test('a view that comes back in mid-answer goes on from the part the extension kept', () => {
  const state = [
    {
      type: 'state',
      models: [],
      model: '/m',
      kvCache: null,
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hel' },
      ],
      busy: true,
    } as const,
    { type: 'delta', text: 'lo', tokens: 1 } as const,
  ].reduce(reduce, initialState);
  assert.deepEqual(state.messages.at(-1), { role: 'assistant', content: 'Hello' });
});
