// Asks for a text to measure on. Answers undefined when the user leaves.
import { basename } from 'node:path';
import { type QuickPickItem, QuickPickItemKind, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { embeddedText } from '../models/find-models.ts';

type TextItem = QuickPickItem & { readonly path?: string };

export async function pickText(context: QuantwrightContext, title: string): Promise<string | undefined> {
  const embedded = embeddedText(context);
  const found = await workspace.findFiles('**/*.txt', '**/node_modules/**', 50);
  const items: TextItem[] = [
    { label: `$(book) ${basename(embedded)}`, description: "embedded, held out of the embedded model's training", path: embedded },
    ...found.map(({ fsPath }) => ({ label: `$(file) ${basename(fsPath)}`, description: workspace.asRelativePath(fsPath), path: fsPath })),
    { label: '', kind: QuickPickItemKind.Separator },
    { label: '$(folder-opened) Browse...' },
  ];
  const item = await window.showQuickPick(items, { title, placeHolder: 'UTF-8 text that the model has not been trained on' });
  if (item === undefined || item.path !== undefined) return item?.path;
  const picked = await window.showOpenDialog({ title: 'Text file', openLabel: 'Measure on this text', filters: { Text: ['txt', 'md'], 'All files': ['*'] } });
  return picked?.[0]?.fsPath;
}
