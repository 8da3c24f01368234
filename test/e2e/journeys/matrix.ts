import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { poll } from '../../support/editor-poll.ts';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const matrix: Journey = {
  title: 'the compatibility matrix shows what every runtime does with the config on every device, and why',

  async prepare(workspace) {
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    await workspace.write('quantize_config.json', { bits: 4, group_size: 128, desc_act: true, sym: true });
  },

  async play({ workbench, screenshot }) {
    await workbench.openFile('quantize_config.json');
    await workbench.statusItem('quantwright.target').waitFor();
    await workbench.run('Quantwright: Show Compatibility Matrix');
    const page = await poll('the page with the matrix', async () => {
      for (const frame of workbench.page.frames()) {
        const heading = frame.getByRole('heading', { name: 'Compatibility of quantize_config.json' });
        if (await heading.isVisible().catch(() => false)) return frame;
      }
      return undefined;
    });
    await page.getByRole('heading', { name: 'vLLM' }).waitFor();
    await page.getByRole('row', { name: /H100/ }).first().waitFor();
    // DashInfer loads GPTQ without activation order only.
    await page
      .getByRole('row', { name: /refused.*desc_act/ })
      .first()
      .waitFor();
    await screenshot('page');
    await page.getByRole('heading', { name: 'vLLM' }).scrollIntoViewIfNeeded();
    await screenshot('reasons');
  },
};
