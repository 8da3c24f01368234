import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenTurnWords } from './chat-words.ts';

test('a crash in mid-answer is told with its cause and, once it happened, the restart', () => {
  const reason = 'it was ended by signal SIGKILL';
  assert.match(brokenTurnWords(reason, 'waiting'), /^The engine stopped \(it was ended by signal SIGKILL\); it is being restarted\./);
  assert.match(brokenTurnWords(reason, 'running'), /^The engine stopped \(it was ended by signal SIGKILL\); it was restarted\..*conversation is kept/);
});

test('a restart that failed says what to do', () => {
  assert.match(brokenTurnWords('it ended with exit code 1', 'failed'), /Restart Engine/);
});
