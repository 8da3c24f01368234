import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';
import { jobTimeoutMs } from '../quantize-steps.ts';

export const perplexity: Journey = {
  title: 'perplexity is measured on a text of the workspace, told in a sentence, and explained on a page',

  async prepare(workspace) {
    const text = await readFile(join(quillDir, '..', 'texts', 'quant_chat_evaluation.txt'), 'utf8');
    await workspace.write('notes.txt', text.slice(0, 12_000));
  },

  async play({ workbench, screenshot }) {
    await workbench.run('Quantwright: Evaluate Perplexity');
    await workbench.pick('Perplexity (1/2): model', 'quill-16m');
    await workbench.pick('Perplexity (2/2): text', 'notes.txt');

    const result = workbench.notification(/Perplexity of quill-16m on notes\.txt: .* bits per byte/);
    await result.waitFor({ timeout: jobTimeoutMs });
    const told = Number(/: (\d+\.\d+) \(/.exec((await result.textContent()) ?? '')?.[1]);
    assert.ok(told > 1 && told < 10, `the embedded model knows texts of its kind: ${told}`);
    await screenshot('result');

    await result.getByRole('button', { name: 'Show Details' }).click();
    await workbench.editor.locator('.view-line', { hasText: 'Predicted tokens' }).waitFor();
    await screenshot('details');
    const page = ((await workbench.editor.locator('.view-lines').textContent()) ?? '').replaceAll('\u00a0', ' ');
    const explained = Number(/Perplexity \| (\d+\.\d+)/.exec(page)?.[1]);
    assert.equal(explained.toFixed(3), told.toFixed(3), 'the page says the same number');
    assert.match(page, /Windows \| \d+ of \d+ tokens, stride \d+/);
    assert.match(page, /notes\.txt/);
  },
};
