import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dashInferOnH100, int8Config, quillDir, writeTargets } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const hover: Journey = {
  title: 'hovering a key says what it means, its default and who accepts it',

  async prepare(workspace) {
    await writeTargets(workspace, [dashInferOnH100]);
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    await workspace.write('weights.quant.json', int8Config);
  },

  async play({ workbench, screenshot }) {
    await workbench.openFile('weights.quant.json');
    const box = await workbench.hover('group_size', /default/i);
    await screenshot('box');
    const words = (await box.textContent()) ?? '';
    assert.match(words, /scale/i, 'what it means: weights that share a scale');
    assert.match(words, /-1/, 'its default or the special value');
    assert.match(words, /DashInfer/i, 'who accepts it');
  },
};
