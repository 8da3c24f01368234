import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dashInferOnH100, quillDir, writeTargets } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

/** Row lengths of quill-16m's linears: a group size must divide both. */
const rowLengths = [384, 1024];

export const completion: Journey = {
  title: 'keys and values are offered while typing, and every group_size offered fits the model',

  async prepare(workspace) {
    await writeTargets(workspace, [dashInferOnH100]);
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    await workspace.write('weights.quant.json', { quant_method: 'instant_quant', weight_format: 'int8' });
  },

  async play({ workbench, workspace, screenshot, picture }) {
    const { page } = workbench;
    await workbench.openFile('weights.quant.json');
    await workbench.placeCursorAfter('"int8"', await readFile(workspace.path('weights.quant.json'), 'utf8'));
    await page.keyboard.type(',');
    await page.keyboard.press('Enter');
    await page.keyboard.type('"');
    const keys = await workbench.suggestions('group_size');
    const offeredKeys = await keys.allInnerTexts();
    assert.ok(
      offeredKeys.some((text) => text.includes('compute_method')),
      `compute_method is offered: ${offeredKeys.join(' | ')}`,
    );
    assert.ok(!offeredKeys.some((text) => text.includes('weight_format')), 'a key that is there is not offered again');
    await screenshot('keys');
    await keys.filter({ hasText: 'group_size' }).first().click();

    const values = await workbench.suggestions(/\b128\b/);
    const numbers = (await values.allInnerTexts()).flatMap((text) => /^\s*(-?\d+)\b/.exec(text)?.[1] ?? []).map(Number);
    await screenshot('sizes');
    assert.ok(numbers.includes(128), `128 is offered: ${numbers.join(', ')}`);
    for (const size of numbers.filter((number) => number !== -1)) {
      for (const length of rowLengths) assert.equal(length % size, 0, `${size} is offered, which does not divide ${length}`);
    }
    assert.ok(!numbers.includes(32), 'DashInfer has no int8 kernel for groups of 32, so they are not offered for it');
    await values
      .filter({ hasText: /^\s*128\b/ })
      .first()
      .click();
    await workbench.save();
    const saved = JSON.parse(await readFile(workspace.path('weights.quant.json'), 'utf8')) as unknown;
    assert.deepEqual(saved, { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128 });

    // The page beside the list says why.
    await workbench.placeCursorAfter('"weight_format": "', await readFile(workspace.path('weights.quant.json'), 'utf8'));
    await workbench.suggestions('uint4');
    await page.keyboard.press('Control+Space');
    const why = page.locator('.suggest-details:visible');
    await why.filter({ hasText: /dashinfer on nvidia-h100: runs on/i }).waitFor();
    await screenshot('accepted-value');
    // Up from the first is the last: what the target refuses stands there.
    await page.keyboard.press('ArrowUp');
    await why.filter({ hasText: 'there is no weight_format fp4' }).filter({ hasNotText: 'runs on' }).waitFor();
    await picture('completion', 520);
  },
};
