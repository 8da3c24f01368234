import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobEnding, ToJob, TrainStep } from '@quantwright/schemas/rpc/job-view';
import { changeWords, curveName, ends, initialState, lossWords, reduce, smoothed } from './job-state.ts';

const head = { model: 'quill', config: 'w4a4.quant.json', outDir: '/w/out' };
const step = (block: number | null, at: number, loss: number): TrainStep => ({ block, blocks: 8, step: at, steps: 2, loss });
const progress = (line: string, percent: number, steps: readonly TrainStep[]): ToJob => ({ type: 'progress', progress: { line, percent, steps } });
const ending: JobEnding = {
  state: 'done',
  words: 'quill is ready.',
  training: [{ block: 1, losses: [4, 2], before: 5, after: 1 }],
  alphas: null,
  warnings: [],
};

test('steps become curves by block, in the order in which blocks were begun', () => {
  const messages: readonly ToJob[] = [
    { type: 'job', job: { head, progress: { line: '', percent: 0, steps: [step(0, 1, 3)] }, ending: null } },
    progress('block 1/8, training, step 2/2', 0, [step(0, 2, 2), step(1, 1, 4)]),
    progress('block 2/8, training, step 2/2', 10, [step(1, 2, 2)]),
  ];
  const state = messages.reduce(reduce, initialState);
  assert.deepEqual(
    state.curves.map(({ block, losses }) => [block, losses]),
    [
      [0, [3, 2]],
      [1, [4, 2]],
    ],
  );
  assert.deepEqual([state.line, state.percent, state.head?.model], ['block 2/8, training, step 2/2', 10, 'quill']);
});

test('the end brings what was kept for comparison to its block', () => {
  const begun = reduce(initialState, { type: 'job', job: { head, progress: { line: '', percent: 0, steps: [step(0, 1, 3), step(1, 1, 4)] }, ending: null } });
  const state = reduce(begun, { type: 'ending', ending });
  assert.deepEqual(
    state.curves.map(({ result }) => result?.after ?? null),
    [null, 1],
  );
  assert.equal(state.percent, 100);
  const cancelled = reduce(begun, { type: 'ending', ending: { ...ending, state: 'cancelled', training: [] } });
  assert.equal(cancelled.percent, 0, 'what was not done is not shown as done');
});

test('another job begins with nothing of the last one, and no job is known as none', () => {
  const before = reduce(initialState, { type: 'job', job: { head, progress: { line: 'x', percent: 50, steps: [step(0, 1, 3)] }, ending } });
  const fresh = reduce(before, { type: 'job', job: { head, progress: { line: '', percent: 0, steps: [] }, ending: null } });
  assert.deepEqual([fresh.curves, fresh.ending, fresh.percent], [[], null, 0]);
  assert.deepEqual(reduce(before, { type: 'job', job: null }), { ...initialState, known: true });
});

test('means, ends and words of losses', () => {
  assert.deepEqual(smoothed([4, 2, 0], 2), [4, 3, 1]);
  assert.deepEqual(ends({ losses: [4, 2, 3, 1] }), { first: 3, last: 2 });
  assert.deepEqual(ends({ losses: [7] }), { first: 7, last: 7 });
  assert.equal(changeWords(4, 1), '75 % less');
  assert.equal(changeWords(1, 1.05), '5 % more');
  assert.equal(changeWords(0, 0), 'the same');
  assert.deepEqual([0.5, 0.01234, 0.0000123, 0].map(lossWords), ['0.500', '0.0123', '1.23e-5', '0.00']);
  assert.equal(curveName({ block: 2, blocks: 8 }), 'block 3 of 8');
  assert.equal(curveName({ block: null, blocks: 8 }), 'all 8 blocks');
});
