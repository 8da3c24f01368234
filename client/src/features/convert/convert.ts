// Command Convert Config: the active config in another format's words. Says what would be lost before it is done, and opens what it has made.
import { type QuickPickItem, type TextDocument, type Uri, type WorkspaceEdit, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { conversionItem } from './convert-words.ts';

const rewriteKind = 'refactor.rewrite';

interface ConversionItem extends QuickPickItem {
  readonly edit: WorkspaceEdit;
  readonly loses: boolean;
}

export function activate(context: QuantwrightContext): void {
  context.command('quantwright.convert', async () => {
    const document = window.activeTextEditor?.document;
    if (document === undefined) {
      void window.showInformationMessage('Open a quantization config first, then run Convert Config.');
      return undefined;
    }
    return convert(context, document);
  });
}

/** The document that holds the result; undefined when the user leaves or nothing can be done. */
async function convert(context: QuantwrightContext, document: TextDocument): Promise<Uri | undefined> {
  const offered = await context.server.edits(document, rewriteKind);
  const items: ConversionItem[] = offered.map(({ title, data, edit }) => ({ ...conversionItem(title, data), edit }));
  if (items.length === 0) {
    void window.showInformationMessage('There is no other format that could say what this document says.');
    return undefined;
  }
  const item = await window.showQuickPick(items, { title: 'Convert config', placeHolder: 'Into which format?', matchOnDetail: true });
  if (item === undefined) return undefined;
  const uri = item.edit.entries()[0]?.[0] ?? document.uri;
  if (!(await workspace.applyEdit(item.edit))) {
    void window.showErrorMessage(
      `${workspace.asRelativePath(uri)} could not be written. A file of this name may be there already: rename it, then convert again.`,
    );
    return undefined;
  }
  const made = await workspace.openTextDocument(uri);
  await window.showTextDocument(made);
  // A row of the quick pick may be too short for all of it.
  if (item.loses) void window.showInformationMessage(`${workspace.asRelativePath(uri)}: ${item.detail}`);
  return uri;
}
