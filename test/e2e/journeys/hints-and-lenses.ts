import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quillDir, writeTargets } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

const config = {
  quant_method: 'rtn',
  weight_format: 'uint4',
  group_size: 128,
  save_format: 'gptq',
  ignore: ['.*down_proj', '.*layers\\.0\\..*'],
};

export const hintsAndLenses: Journey = {
  title: 'a config shows where it runs, what it really costs and what its patterns match, until the settings say otherwise',

  async prepare(workspace) {
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    await workspace.write('weights.quant.json', config);
  },

  async play({ workbench, workspace, screenshot, picture }) {
    await workbench.openFile('weights.quant.json');
    const hint = workbench.editor.locator('.view-line', { hasText: /uint4.*bits\sper\sweight/ });
    await hint.waitFor();
    await workbench.editor.locator('.view-line', { hasText: /down_proj.*\d+\smodules/ }).waitFor();
    const lens = workbench.editor.locator('.codelens-decoration');
    await lens.filter({ hasText: /Runs on.*ok/ }).waitFor();
    await lens.filter({ hasText: 'Quantize' }).waitFor();
    await screenshot('shown');
    await workbench.page.keyboard.press('Control+B');
    await workbench.page.locator('.part.sidebar').waitFor({ state: 'hidden' });

    // A lens leads to the job: the first question is for the model.
    await workbench.useLens('Quantize', 'Quantize (1/3)');
    await screenshot('quantize');
    await workbench.page.keyboard.press('Escape');

    // A target of the user's own is what the lens speaks of.
    await writeTargets(workspace, [{ runtime: 'vllm', version: null, device: 'nvidia-h100', tensorParallel: 2 }]);
    await lens.filter({ hasText: /vllm/i }).waitFor();
    await workbench.editor.locator('.view-line', { hasText: /128.*K\sper\sshard/ }).waitFor();
    await screenshot('target');
    await picture('hints', 330);

    await writeTargets(workspace, [], { 'quantwright.inlayHints.enabled': false, 'quantwright.codeLens.enabled': false });
    await hint.waitFor({ state: 'detached' });
    await lens.first().waitFor({ state: 'detached' });
    await screenshot('off');
  },
};
