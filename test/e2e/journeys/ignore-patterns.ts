import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const ignorePatterns: Journey = {
  title: 'patterns for ignore are offered from the modules of the model, with how many each one matches',

  async prepare(workspace) {
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    await workspace.write('weights.quant.json', '{\n  "quant_method": "rtn",\n  "weight_format": "int8",\n  "ignore": []\n}\n');
  },

  async play({ workbench, workspace, screenshot }) {
    const { page } = workbench;
    await workbench.openFile('weights.quant.json');
    await workbench.placeCursorAfter('"ignore": [', await readFile(workspace.path('weights.quant.json'), 'utf8'));
    await page.keyboard.type('"');
    const rows = await workbench.suggestions('down_proj');
    const offered = await rows.allInnerTexts();
    await screenshot('offered');
    for (const kind of ['q_proj', 'up_proj']) {
      assert.ok(
        offered.some((text) => text.includes(kind)),
        `${kind} is offered: ${offered.join(' | ')}`,
      );
    }
    await rows.filter({ hasText: 'down_proj' }).first().click();
    await workbench.editor.locator('.view-line', { hasText: /down_proj.*\d+\smodules/ }).waitFor();
    await screenshot('taken');
    await workbench.save();
    const saved = JSON.parse(await readFile(workspace.path('weights.quant.json'), 'utf8')) as { readonly ignore: readonly string[] };
    assert.equal(saved.ignore.length, 1);
    assert.ok(new RegExp(`^(?:${saved.ignore[0]})`).test('model.layers.3.mlp.down_proj'), `${saved.ignore[0]} matches the modules from the start`);
  },
};
