import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';
import { jobTimeoutMs } from '../quantize-steps.ts';

const items = 6;

export const evaluateTasks: Journey = {
  title: 'a task of the workspace is evaluated, told with its interval, and kept as a run that the runs view shows',

  async prepare(workspace) {
    const lines = await readFile(join(quillDir, '..', 'texts', 'quant_qa_heldout.jsonl'), 'utf8');
    await workspace.write('quant_qa.jsonl', `${lines.split('\n').slice(0, items).join('\n')}\n`);
  },

  async play({ workbench, workspace, screenshot }) {
    await workbench.run('Quantwright: Evaluate Tasks...');
    await workbench.pick('Tasks (1/2): model', 'quill-16m');
    await workbench.pickSeveral('Tasks (2/2): files', ['quant_qa.jsonl']);
    const result = workbench.notification(/quill-16m: quant_qa acc [\d.]+ % \([\d.]+ % to [\d.]+ %\)/);
    await result.waitFor({ timeout: jobTimeoutMs });
    await screenshot('result');
    await result.getByRole('button', { name: 'Show Runs' }).click();
    const view = await workbench.webview('quantwright.runs');
    await view.getByText(/^1 run of 1 model/).waitFor();
    assert.match((await view.locator('.list tbody').textContent()) ?? '', /tasks\s*quill-16m .*quant_qa acc/s);
    await screenshot('runs');
    const kept = (await workspace.list()).filter((name) => /runs[/\\][^/\\]+\.json$/.test(name));
    assert.equal(kept.length, 1, 'one run is kept');
  },
};
