import assert from 'node:assert/strict';
import { int8Config, quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';
import { startQuantizing } from '../quantize-steps.ts';

export const refused: Journey = {
  title: 'a config that cannot run is refused at Quantize Model with the words of its diagnostic, and the cursor stands where it is underlined',

  async prepare(workspace) {
    await workspace.copy(quillDir, 'quill');
    await workspace.write('weights.quant.json', { ...int8Config, weight_format: 'int5' });
  },

  async play({ workbench, workspace, screenshot }) {
    const before = await workspace.list();
    await startQuantizing(workbench);
    const refusal = workbench.notification('weights.quant.json cannot run: ');
    await refusal.waitFor();
    // Line 3 is `  "weight_format": "int5",`: the value is selected, quotes included.
    await workbench.page.locator('.statusbar-item', { hasText: 'Ln 3, Col 26 (6 selected)' }).waitFor();
    await screenshot('told');

    const told = (await refusal.textContent()) ?? '';

    await refusal.getByRole('button', { name: 'Show Problems' }).click();
    const problem = workbench.problem('int5').first();
    await problem.waitFor();
    const row = (await problem.textContent()) ?? '';
    const [, message, code] = /^(.*)quantwright(QC\d{3})\[Ln 3, Col 20\]/.exec(row) ?? [];
    assert.ok(message?.includes('"int5"'), `the row has message, code and place: ${row}`);
    assert.ok(told.includes(`${code}: ${message}`), `the notification has the words of the row: ${told}`);
    assert.deepEqual(await workspace.list(), before, 'nothing was written');
  },
};
