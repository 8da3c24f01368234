import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { poll } from '../../support/editor-poll.ts';
import type { Journey } from '../journey.ts';

/** Three slips, each with a fix that changes nothing else. */
const slips = { quant_method: 'iq', weight_format: 'INT8', group_sise: 128 };
const sound = { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128 };

export const fixAll: Journey = {
  title: 'every safe fix is applied at once, by a command and on save',

  async prepare(workspace) {
    await workspace.write('.vscode/settings.json', { 'editor.codeActionsOnSave': { 'source.fixAll.quantwright': 'explicit' } });
    await workspace.write('command.quant.json', slips);
    await workspace.write('on-save.quant.json', slips);
  },

  async play({ workbench, workspace, screenshot }) {
    await workbench.openFile('command.quant.json');
    await workbench.squiggle('error').first().waitFor();
    await workbench.squiggle('warning').first().waitFor();
    await screenshot('slips');
    await workbench.run('Quantwright: Fix All');
    await workbench.squiggle('error').first().waitFor({ state: 'detached' });
    await workbench.squiggle('warning').first().waitFor({ state: 'detached' });
    await workbench.page.locator('.tab.active.dirty').waitFor();
    await screenshot('fixed');
    await workbench.save();
    assert.deepEqual(JSON.parse(await readFile(workspace.path('command.quant.json'), 'utf8')), sound);
    await workbench.runAndHear('Quantwright: Fix All', 'There is nothing in this document that a safe fix would settle.');
    await workbench.clearNotifications();

    await workbench.openFile('on-save.quant.json');
    await workbench.squiggle('error').first().waitFor();
    await workbench.placeCursorAfter('{', await readFile(workspace.path('on-save.quant.json'), 'utf8'));
    await workbench.page.keyboard.press('Enter');
    await workbench.save();
    await poll('the fixed file', async () => {
      const saved = JSON.parse(await readFile(workspace.path('on-save.quant.json'), 'utf8')) as object;
      return JSON.stringify(saved) === JSON.stringify(sound);
    });
    await workbench.squiggle('error').first().waitFor({ state: 'detached' });
  },
};
