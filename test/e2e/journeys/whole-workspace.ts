import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const wholeWorkspace: Journey = {
  title: 'configs that nobody opened are checked too, a change outside is seen, and codes can be turned off',

  async prepare(workspace) {
    await workspace.write('config.json', await readFile(join(quillDir, 'config.json'), 'utf8'));
    await workspace.write('open.quant.json', { quant_method: 'rtn', weight_format: 'int8' });
    await workspace.write('jobs/closed.quant.json', { quant_method: 'rtn', weight_format: 'int5' });
    await workspace.write('jobs/notes.json', { weight_format: 'int5', group_size: 'as you like' });
  },

  async play({ workbench, workspace, screenshot }) {
    await workbench.openFile('open.quant.json');
    await workbench.showProblems();
    await workbench.problem('closed.quant.json').waitFor();
    const finding = workbench.problem('int5');
    await finding.first().waitFor();
    await screenshot('closed-file');

    await workspace.write('jobs/closed.quant.json', { quant_method: 'rtn', weight_format: 'int8', group_sise: 64 });
    await workbench.problem('group_sise').first().waitFor();
    await finding.first().waitFor({ state: 'detached' });

    await workspace.write('.vscode/settings.json', { 'quantwright.check.severity': { QC012: 'error' } });
    await workbench.page.locator('.markers-panel .monaco-list-row .codicon-error').first().waitFor();
    await screenshot('as-error');
    await workspace.write('.vscode/settings.json', { 'quantwright.check.suppress': ['QC012'] });
    await workbench.problem('group_sise').first().waitFor({ state: 'detached' });
  },
};
