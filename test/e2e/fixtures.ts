// The files that journeys start from: configs as a user writes them, the embedded model, the targets a user has chosen.
import { join } from 'node:path';
import type { Target } from '@quantwright/schemas/hardware/target';
import type { Workspace } from '../support/editor-workspace.ts';

/** The runners are started in the project's root. */
export const quillDir = join(process.cwd(), 'models', 'quill-16m');

export const dashInferOnH100: Target = { runtime: 'dashinfer', version: null, device: 'nvidia-h100', tensorParallel: 1 };

/** A16W8 as DashInfer takes it; 128 divides every row length of quill-16m (384 and 1024). */
export const int8Config = { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128, compute_method: 'weight_only' };

export async function writeTargets(workspace: Workspace, targets: readonly Target[], more: object = {}): Promise<void> {
  await workspace.write('.vscode/settings.json', { 'quantwright.targets': targets, ...more });
}
