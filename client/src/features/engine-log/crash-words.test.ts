import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashWords } from './crash-words.ts';

test('a crash names the cause, the restart and the jobs that are lost', () => {
  const crash = { reason: 'it was ended by signal SIGKILL', lost: ['quantizing quill-16m'] };
  assert.equal(
    crashWords(crash, 'restarted'),
    'The Quantwright engine stopped: it was ended by signal SIGKILL. It was restarted. Lost: quantizing quill-16m. Start it again when you like.',
  );
});

test('an idle crash says that nothing is lost, a final one that there is no restart', () => {
  const words = crashWords({ reason: 'it ended with exit code 7', lost: [] }, 'down');
  assert.match(words, /not started again/);
  assert.match(words, /nothing is lost/);
});
