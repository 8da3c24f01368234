// What several journeys do: quantize the model of the workspace from the config that is open.
import type { Workbench } from '../support/editor-workbench.ts';
import type { Workspace } from '../support/editor-workspace.ts';
import { int8Config, quillDir } from './fixtures.ts';

/** A workspace with a copy of the embedded model in `quill/` and a config beside it. */
export async function writeModelAndConfig(workspace: Workspace): Promise<void> {
  await workspace.copy(quillDir, 'quill');
  await workspace.write('weights.quant.json', int8Config);
}

/** Default name that the command gives the output: model, method, weight format. */
export const outputFolder = 'quill-instant_quant-int8';

/** A job and the measuring after it, on a machine that has much else to do. */
export const jobTimeoutMs = 180_000;

/** Answers the questions of Quantize Model for the open config and the model of the workspace folder `model`; returns when the job has been started. */
export async function startQuantizing(workbench: Workbench, model = 'quill'): Promise<void> {
  await workbench.openFile('weights.quant.json');
  await workbench.run('Quantwright: Quantize Model...');
  await workbench.pick('Quantize (1/3): model', `/${model}`);
  await workbench.quickPickTitled('Quantize (3/3): output folder');
  await workbench.page.keyboard.press('Enter');
}

/** The notification of the finished job, with its buttons. */
export async function quantizeAndWait(workbench: Workbench) {
  await startQuantizing(workbench);
  const ready = workbench.notification('is ready:');
  await ready.waitFor({ timeout: jobTimeoutMs });
  return ready;
}
