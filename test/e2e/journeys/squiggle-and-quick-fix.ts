import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dashInferOnH100, int8Config, quillDir, writeTargets } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const squiggleAndQuickFix: Journey = {
  title: 'a group_size that does not divide the rows of the model is underlined, explained and fixed from the light bulb',

  async prepare(workspace) {
    await writeTargets(workspace, [dashInferOnH100]);
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    await workspace.write('demo.quant.json', { ...int8Config, group_size: 256 });
  },

  async play({ workbench, workspace, screenshot }) {
    const { page } = workbench;
    const before = await readFile(workspace.path('demo.quant.json'), 'utf8');
    await workbench.openFile('demo.quant.json');
    await workbench.squiggle('error').first().waitFor({ timeout: 60_000 });

    await workbench.showProblems();
    const problem = workbench
      .problem(/QC\d{3}/)
      .filter({ hasText: 'group_size' })
      .first();
    await problem.waitFor();
    const words = (await problem.textContent()) ?? '';
    assert.match(words, /quantwright/, 'the source is ours');
    assert.match(words, /256/, 'it names the value');
    assert.match(words, /384/, 'it names the row length that the value does not divide');
    assert.match(words, /_proj/, 'it names the layers');
    await screenshot('problem');

    await workbench.placeCursorAfter('"group_size": 25', before);
    await page.keyboard.press('Control+.');
    const fix = page.locator('.action-widget .monaco-list-row', { hasText: /\b128\b/ }).first();
    await fix.waitFor();
    await screenshot('light-bulb');
    await fix.click();

    await workbench.squiggle('error').first().waitFor({ state: 'detached', timeout: 30_000 });
    await problem.waitFor({ state: 'detached' });
    await workbench.save();
    assert.equal(await readFile(workspace.path('demo.quant.json'), 'utf8'), before.replace('256', '128'), 'the fix changes the value and nothing else');
  },
};
