import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dashInferOnH100, int8Config, quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const target: Journey = {
  title: 'the target is picked from the palette, shown in the status bar, and judged at once',

  async prepare(workspace) {
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    // A8W8 is refused by DashInfer on Volta and taken on Hopper: the target alone decides.
    await workspace.write('weights.quant.json', { ...int8Config, group_size: -1, compute_method: 'activate_quant' });
  },

  async play({ workbench, workspace, screenshot }) {
    await workbench.openFile('weights.quant.json');
    const item = workbench.statusItem('quantwright.target');
    await item.waitFor();
    assert.match((await item.textContent()) ?? '', /no target/i);

    await workbench.run('Quantwright: Select Target');
    await pickTarget('nvidia-v100');
    await item.filter({ hasText: /dashinfer.*v100/i }).waitFor();
    await workbench.squiggle('error').first().waitFor();
    await workbench.showProblems();
    const problem = workbench
      .problem(/QC\d{3}/)
      .filter({ hasText: /Volta|V100/i })
      .first();
    await problem.waitFor();
    await screenshot('refused');

    await workbench.run('Quantwright: Select Target');
    await workbench.pick('Quantization targets', 'Add a target');
    await pickTarget('nvidia-h100');
    await item.filter({ hasText: '(+1)' }).waitFor();
    await workbench.run('Quantwright: Select Target');
    await workbench.pick('Quantization targets', /Remove dashinfer.*v100/);
    await item.filter({ hasText: /dashinfer.*h100/i }).waitFor();
    await problem.waitFor({ state: 'detached' });
    const settings = JSON.parse(await readFile(workspace.path('.vscode', 'settings.json'), 'utf8')) as object;
    assert.deepEqual(settings, { 'quantwright.targets': [dashInferOnH100] });

    async function pickTarget(device: string): Promise<void> {
      await workbench.pick('(1/3)', /dashinfer/);
      await workbench.pick('(2/3)', device);
      await workbench.pick('(3/3)', /one device/);
    }
  },
};
