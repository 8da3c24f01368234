import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dashInferOnH100, int8Config, quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const target: Journey = {
  title: 'targets are picked from the palette, several at once, they are shown in the status bar, and judged at once',

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
    await pickTargets(['nvidia-v100']);
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
    await workbench.pick('Quantization targets', 'Add targets');
    await pickTargets(['nvidia-h100', 'nvidia-a100']);
    await item.filter({ hasText: '(+2)' }).waitFor();
    await workbench.run('Quantwright: Select Target');
    await workbench.pick('Quantization targets', /Remove dashinfer.*v100/);
    // In the order of the list, whatever the order of the clicks.
    await item.filter({ hasText: /dashinfer.*a100.*\(\+1\)/i }).waitFor();
    await problem.waitFor({ state: 'detached' });
    const settings = JSON.parse(await readFile(workspace.path('.vscode', 'settings.json'), 'utf8')) as object;
    assert.deepEqual(settings, { 'quantwright.targets': [{ ...dashInferOnH100, device: 'nvidia-a100' }, dashInferOnH100] });

    async function pickTargets(devices: readonly string[]): Promise<void> {
      await workbench.pick('(1/4)', /dashinfer/);
      await workbench.pick('(2/4)', 'Newest');
      await workbench.pickSeveral('(3/4)', devices);
      await workbench.pickSeveral('(4/4)', ['one device']);
    }
  },
};
