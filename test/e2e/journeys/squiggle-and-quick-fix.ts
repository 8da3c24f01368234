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
    await workspace.write('weights.quant.json', { ...int8Config, group_size: 256 });
  },

  async play({ workbench, workspace, screenshot, picture }) {
    const { page } = workbench;
    const before = await readFile(workspace.path('weights.quant.json'), 'utf8');
    await workbench.openFile('weights.quant.json');
    await workbench.squiggle('error').first().waitFor();

    await workbench.run('Quantwright: Check Config');
    await workbench.notification('weights.quant.json: 1 error, no warnings. Format quantwright; judged for dashinfer · h100 · tp 1.').waitFor();
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
    await workbench.clearNotifications();

    // Without the side bar the row in Problems has room for the reason.
    await page.keyboard.press('Control+B');
    await page.locator('.part.sidebar').waitFor({ state: 'hidden' });
    await workbench.placeCursorAfter('"group_size": 25', before);
    const fix = await workbench.quickFix(/\b128\b/);
    await picture('check');
    await fix.click();

    await workbench.squiggle('error').first().waitFor({ state: 'detached' });
    await problem.waitFor({ state: 'detached' });
    await workbench.save();
    assert.equal(await readFile(workspace.path('weights.quant.json'), 'utf8'), before.replace('256', '128'), 'the fix changes the value and nothing else');
  },
};
