import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyKind } from '@quantwright/schemas/runs/testing';
import { analysisStep, distanceWords, statsWords, tasksStep, tasksWords } from './evaluate-words.ts';

test('progress counts whole tasks and blocks, and tells what was found so far', () => {
  const step = tasksStep({ task: 'boolq', taskAt: 1, tasks: 2, itemsDone: 5, items: 10, metric: 'acc', value: 0.6, seconds: 2 });
  assert.deepEqual(step, { message: 'boolq (2/2), item 5/10, acc so far 60.0 %', percent: 75 });
  assert.deepEqual(analysisStep({ block: 1, blocks: 4, sequencesDone: 1, sequences: 2 }), { message: 'block 2/4, sequence 1/2', percent: 37.5 });
});

test('results are told in a sentence', () => {
  const told = everyKind().flatMap((run) => {
    if (run.kind === 'tasks') return tasksWords('quill', run.result);
    if (run.kind === 'stats') return statsWords('quill', run.result);
    return run.kind === 'distance' ? distanceWords('quill', 'float', run.result) : [];
  });
  assert.deepEqual(told, [
    'quill: boolq acc 62.0 % (48.0 % to 76.0 %).',
    'Statistics of quill: 2 linears, 2 outlier channels in 2 of them.',
    'Distance of quill from float: 24.0 dB after the last of 3 blocks, cosine 0.99700.',
  ]);
});
