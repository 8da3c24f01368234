// Where models are: the embedded one, the ones used in this session, the setting, and directories of the workspace with config.json and safetensors.
// Looks at names only; never reads a weight.
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { ModelChoice } from '@quantwright/schemas/rpc/webview';
import { Uri, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { modelDirectory } from '../../settings.ts';

/** Directories looked at in a workspace; the rest can be browsed to. */
const mostConfigs = 500;

export async function findModels(context: QuantwrightContext): Promise<readonly ModelChoice[]> {
  const embedded = embeddedModel(context);
  const configs = await workspace.findFiles('**/config.json', '**/node_modules/**', mostConfigs);
  const setting = modelDirectory();
  const places: readonly (readonly [string, string])[] = [
    ...context.recentModels.map((dir) => [dir, 'used in this session'] as const),
    ...(setting === null ? [] : [[setting, 'quantwright.modelDirectory'] as const]),
    ...configs.map(({ fsPath }) => [dirname(fsPath), 'workspace'] as const),
    [embedded, 'embedded'],
  ];
  const choices = new Map<string, ModelChoice>();
  for (const [dir, origin] of places) {
    if (choices.has(dir) || !(await holdsModel(dir))) continue;
    choices.set(dir, { dir, name: basename(dir), detail: dir === embedded ? 'embedded' : `${origin}: ${dir}` });
  }
  return [...choices.values()];
}

export function embeddedModel(context: QuantwrightContext): string {
  return Uri.joinPath(context.extension.extensionUri, 'models', 'quill-16m').fsPath;
}

/** Text that perplexity is measured on unless the user names one: written for the embedded model, held out of its training. */
export function embeddedText(context: QuantwrightContext): string {
  return Uri.joinPath(context.extension.extensionUri, 'models', 'texts', 'quant_chat_evaluation.txt').fsPath;
}

export function remember(context: QuantwrightContext, dir: string): void {
  const at = context.recentModels.indexOf(dir);
  if (at >= 0) context.recentModels.splice(at, 1);
  context.recentModels.unshift(dir);
}

/** A model directory, or a GGUF file, which runs but is not quantized any more. */
export async function holdsModel(dir: string): Promise<boolean> {
  try {
    if (dir.toLowerCase().endsWith('.gguf')) return (await stat(dir)).isFile();
    const names = await readdir(dir);
    return names.includes('config.json') && names.some((name) => name.endsWith('.safetensors'));
  } catch {
    return false;
  }
}
