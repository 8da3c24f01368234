// Asks for a model directory. Answers undefined when the user leaves.
import { type QuickPickItem, QuickPickItemKind, Uri, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { findModels, holdsModel, remember } from './find-models.ts';

type ModelItem = QuickPickItem & { readonly dir?: string };

/** `first`: directory that is offered at the top, such as the one an open config lies in. */
export async function pickModel(context: QuantwrightContext, title: string, first: string | null = null): Promise<string | undefined> {
  const found = await findModels(context);
  const ordered = first === null ? found : [...found.filter(({ dir }) => dir === first), ...found.filter(({ dir }) => dir !== first)];
  const items: ModelItem[] = [
    ...ordered.map(({ dir, name, detail }) => ({ label: `$(database) ${name}`, description: detail, dir })),
    { label: '', kind: QuickPickItemKind.Separator },
    { label: '$(folder-opened) Browse...', description: 'a directory with config.json and *.safetensors' },
  ];
  const item = await window.showQuickPick(items, { title, placeHolder: 'Model directory', matchOnDescription: true });
  if (item === undefined) return undefined;
  return item.dir ?? browseModel(context);
}

export async function browseModel(context: QuantwrightContext): Promise<string | undefined> {
  const folder = workspace.workspaceFolders?.[0]?.uri;
  const picked = await window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    title: 'Model directory',
    openLabel: 'Use this model',
    ...(folder === undefined ? {} : { defaultUri: Uri.joinPath(folder, '/') }),
  });
  const dir = picked?.[0]?.fsPath;
  if (dir === undefined) return undefined;
  if (await holdsModel(dir)) {
    remember(context, dir);
    return dir;
  }
  void window.showErrorMessage(
    `${dir} is no model directory: it needs config.json and at least one *.safetensors file. Pickled weights (.bin, .pt) are not read.`,
  );
  return undefined;
}
