import assert from 'node:assert/strict';
import { writeLargeModel } from '../../support/editor-large-model.ts';
import { int8Config, quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';
import { startQuantizing } from '../quantize-steps.ts';

export const cancel: Journey = {
  title: 'cancelling in the middle of a job leaves nothing behind',

  async prepare(workspace) {
    await writeLargeModel(workspace.path('model'), quillDir);
    await workspace.write('weights.quant.json', { ...int8Config, weight_format: 'uint4', group_size: 32 });
  },

  async play({ workbench, workspace, screenshot }) {
    const before = await workspace.list();
    await startQuantizing(workbench, 'model');
    const progress = workbench.notification(/block \d+\/\d+/);
    await progress.waitFor();
    assert.ok((await workspace.list()).length > before.length, 'the job has begun to write');
    await screenshot('progress');
    await progress.getByRole('button', { name: 'Cancel' }).click();

    await workbench.notification(/cancelled\. Nothing was left/).waitFor();
    await progress.waitFor({ state: 'detached' });
    assert.deepEqual(await workspace.list(), before);
  },
};
