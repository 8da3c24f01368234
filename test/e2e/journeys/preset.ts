import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';
import { jobTimeoutMs } from '../quantize-steps.ts';

const file = 'uint4-g32.quant.json';
const config = { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 32, compute_method: 'weight_only' };

export const preset: Journey = {
  title: 'without a config a preset is written out, quantized from, and left open to be edited and judged',
  folder: 'my-models',

  async prepare(workspace) {
    await workspace.copy(quillDir, 'quill');
  },

  async play({ workbench, workspace, screenshot }) {
    await workbench.run('Quantwright: Quantize Model...');
    await workbench.pick('Quantize (1/3): model', '/quill');
    await workbench.quickPickTitled('Quantize (2/3): config');
    await screenshot('presets');
    await workbench.pick('Quantize (2/3): config', '4-bit weights, groups of 32');
    await workbench.quickPickTitled('Quantize (3/3): output folder');
    await workbench.page.locator('.tab.active', { hasText: file }).waitFor();
    assert.deepEqual(JSON.parse(await readFile(workspace.path(file), 'utf8')), config, 'what runs is a file that one can read');
    await screenshot('written');
    await workbench.page.keyboard.press('Enter');

    const ready = workbench.notification('is ready:');
    await ready.waitFor({ timeout: jobTimeoutMs });
    assert.match((await ready.textContent()) ?? '', /quill-instant_quant-uint4 is ready: .* 5\.\d+ bits/);
    await screenshot('result');

    await workbench.openFile(file);
    await workbench.placeCursorAfter('"group_size": 32', await readFile(workspace.path(file), 'utf8'));
    await workbench.page.keyboard.press('Backspace');
    await workbench.page.keyboard.type('x');
    await workbench.squiggle('error').first().waitFor();
    await workbench.page.keyboard.press('Backspace');
    await workbench.page.keyboard.press('Backspace');
    await workbench.page.keyboard.type('64');
    await workbench.squiggle('error').first().waitFor({ state: 'detached' });
    await workbench.save();
    assert.deepEqual(JSON.parse(await readFile(workspace.path(file), 'utf8')), { ...config, group_size: 64 });
  },
};
