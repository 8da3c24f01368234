import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { poll } from '../../support/editor-poll.ts';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

const gptq = { bits: 4, group_size: 128, desc_act: false, sym: true, damp_percent: 0.01, model_file_base_name: 'model', colour: 'red' };

export const convert: Journey = {
  title: 'a config is converted into the words of another format, and what would be lost is said before',

  async prepare(workspace) {
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    await workspace.write('quantize_config.json', gptq);
  },

  async play({ workbench, workspace, screenshot }) {
    await workbench.openFile('quantize_config.json');
    await workbench.statusItem('quantwright.target').waitFor();

    await workbench.run('Quantwright: Convert Config...');
    await workbench.quickPickTitled('Convert config');
    await workbench.quickInput.getByText('"colour" has no counterpart in the new config.').first().waitFor();
    await screenshot('offered');
    await workbench.pick('Convert config', /quantization_config \(GPTQ\)/);
    await workbench.page.locator('.tab.active', { hasText: 'config.json' }).filter({ hasNotText: 'quantize_config' }).waitFor();
    await workbench.editor.locator('.view-line', { hasText: '"quantization_config"' }).waitFor();
    await screenshot('block');
    await workbench.save();
    const merged = JSON.parse(await readFile(workspace.path('config.json'), 'utf8')) as Readonly<Record<string, unknown>>;
    assert.equal(merged['model_type'], JSON.parse(await readFile(join(quillDir, 'config.json'), 'utf8')).model_type, 'the model stays as it is');
    const { colour, ...kept } = gptq;
    assert.deepEqual(merged['quantization_config'], { quant_method: 'gptq', ...kept }, `${colour} is what no reader knows`);

    await workbench.clearNotifications();

    // The same from the light bulb, into a new file.
    await workbench.openFile('quantize_config.json');
    await workbench.placeCursorAfter('"bits": 4', await readFile(workspace.path('quantize_config.json'), 'utf8'));
    const action = await workbench.quickFix(/Quantwright recipe/);
    await screenshot('light-bulb');
    await action.click();
    const made = await poll('the new file', async () => {
      const text = await readFile(workspace.path('gptq-int4-g128.quant.json'), 'utf8').catch(() => '');
      if (text !== '') return JSON.parse(text) as object;
      // The editor may leave what it made unsaved: then it is in front, or one step away.
      await workbench.run('File: Save All Files').catch(() => undefined);
      return undefined;
    });
    assert.deepEqual(made, { quant_method: 'gptq', weight_format: 'int4', group_size: 128, save_format: 'gptq', true_sequential: true, damp_percent: 0.01 });
    await screenshot('recipe');
  },
};
