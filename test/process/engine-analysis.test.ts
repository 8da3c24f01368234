// engine/stats and engine/distance over stdio: progress block by block, numbers that JSON can hold, and the run in the store.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRun } from '@quantwright/engine/runs/store';
import { type AnalysisProgress, analysisProgress, distance, stats } from '@quantwright/schemas/rpc/engine';
import { projectRoot, quill, startEngine } from '../support/engine-process.ts';
import { createWorkspace } from '../support/engine-workspace.ts';

test('statistics and distances come with progress, and are kept in the store', async (t) => {
  const engine = await startEngine(t);
  const store = createWorkspace(t).path('runs');
  const seen: AnalysisProgress[] = [];
  engine.connection.onProgress(analysisProgress, 'a', (progress) => void seen.push(progress));
  const params = { modelDir: quill, reference: quill, textPath: join(projectRoot, 'models/texts/quant_chat_evaluation.txt'), length: 32, sequences: 2, store };
  const far = await engine.connection.sendRequest(distance, { ...params, progressToken: 'a' });
  assert.deepEqual(
    seen.map(({ block, blocks, sequencesDone, sequences }) => [block, blocks, sequencesDone, sequences]),
    [0, 1, 2, 3, 4, 5, 6, 7].flatMap((block) => [
      [block, 8, 1, 2],
      [block, 8, 2, 2],
    ]),
  );
  assert.equal(far.blocks[7]?.sqnrDb, Number.MAX_VALUE, 'a model beside itself');
  assert.ok(far.run !== null);
  const kept = await readRun(store, far.run);
  const { run: _, ...result } = far;
  assert.deepEqual(kept.kind === 'distance' && kept.result, result);
  assert.deepEqual(kept.command.slice(0, 3), ['eval', 'distance', quill]);

  const { run, tensors } = await engine.connection.sendRequest(stats, { modelDir: quill, textPath: params.textPath, length: 32, sequences: 1 });
  assert.equal(run, null);
  assert.equal(tensors.length, 56);
  assert.equal(tensors[0]?.error, null);
});
