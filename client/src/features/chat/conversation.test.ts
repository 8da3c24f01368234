import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Conversation, type ConversationEvent, emptyConversation, forEngine, next } from './conversation.ts';

const after = (...events: readonly ConversationEvent[]): Conversation => events.reduce(next, emptyConversation);

test('an answer grows by deltas and ends with its whole text', () => {
  const streaming = after({ type: 'sent', text: 'Hello' }, { type: 'delta', text: 'Hel' }, { type: 'delta', text: 'lo!' });
  assert.deepEqual(streaming, {
    messages: [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello!' },
    ],
    busy: true,
  });
  assert.deepEqual(next(streaming, { type: 'answered', text: 'Hello! I am Quill.' }), {
    messages: [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello! I am Quill.' },
    ],
    busy: false,
  });
});

test('a broken turn keeps the part that had arrived and takes input again', () => {
  const broken = after({ type: 'sent', text: 'Hi' }, { type: 'delta', text: 'Hel' }, { type: 'broken' });
  assert.deepEqual(broken, {
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hel' },
    ],
    busy: false,
  });
});

test('a delta after the end of its turn changes nothing', () => {
  const cleared = after({ type: 'sent', text: 'Hi' }, { type: 'cleared' });
  assert.equal(next(cleared, { type: 'delta', text: 'late' }), cleared);
});

test('a question without an answer is not sent to the engine again, the new one is', () => {
  const { messages } = after({ type: 'sent', text: 'lost' }, { type: 'broken' }, { type: 'sent', text: 'again' });
  assert.deepEqual(forEngine(messages), [{ role: 'user', content: 'again' }]);
});

test('an answered conversation is sent whole', () => {
  const { messages } = after({ type: 'sent', text: 'a' }, { type: 'answered', text: 'b' }, { type: 'sent', text: 'c' });
  assert.deepEqual(forEngine(messages), messages);
});
