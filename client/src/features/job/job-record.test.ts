import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobRecord } from './job-record.ts';

const head = { model: 'quill', config: 'w4a4.quant.json', outDir: '/w/out' };
const train = (step: number, loss: number) => ({ phase: 'train', block: 0, blocks: 8, step, steps: 100, loss }) as const;

test('batches hold what is new, and a view that opens late gets everything once', () => {
  const record = new JobRecord(head);
  assert.equal(record.trains, false);
  record.add('block 1/8, training, step 1/100', 0, train(1, 0.5));
  record.add('block 1/8, training, step 2/100', 0, train(2, 0.4));
  assert.equal(record.trains, true);
  assert.deepEqual(
    record.batch().progress.steps.map(({ step }) => step),
    [1, 2],
  );
  record.add('block 1/8, training, step 3/100', 0, train(3, 0.3));
  const { job } = record.whole();
  assert.deepEqual(
    job?.progress.steps.map(({ loss }) => loss),
    [0.5, 0.4, 0.3],
  );
  assert.deepEqual(record.batch().progress.steps, [], 'the late view has them already');
});

test('the percentage never falls, and the line is the last one', () => {
  const record = new JobRecord(head);
  record.add('writing model.safetensors', 60, { phase: 'write', file: 'model.safetensors' });
  record.add('block 1/8, training, step 1/100', 0, train(1, 0.5));
  assert.deepEqual(record.batch().progress, {
    line: 'block 1/8, training, step 1/100',
    percent: 60,
    steps: [{ block: 0, blocks: 8, step: 1, steps: 100, loss: 0.5 }],
  });
});
