import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overlapped } from './overlapped.ts';

test('results are in order, steps begin in order, and no more than the limit run at once', async () => {
  const began: number[] = [];
  let running = 0;
  let most = 0;
  const results = await overlapped(7, 3, async (index) => {
    began.push(index);
    most = Math.max(most, ++running);
    for (let turn = 0; turn < 7 - index; turn++) await Promise.resolve();
    running--;
    return index * index;
  });
  assert.deepEqual(results, [0, 1, 4, 9, 16, 25, 36]);
  assert.deepEqual(began, [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(most, 3);
  assert.deepEqual(await overlapped(0, 3, () => Promise.reject(new Error('never'))), []);
});

test('after a failure nothing begins, and what runs ends first', async () => {
  const ended: number[] = [];
  const failing = overlapped(9, 2, async (index) => {
    if (index === 0) throw new Error('first');
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    ended.push(index);
  });
  await assert.rejects(failing, /first/);
  assert.deepEqual(ended, [1]);
});
