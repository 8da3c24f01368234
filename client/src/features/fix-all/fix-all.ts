// Command Fix All: every fix that the language server calls safe, applied to the active document at once. The same as its action on save.
import { window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';

export const fixAllKind = 'source.fixAll.quantwright';

export function activate(context: QuantwrightContext): void {
  context.command('quantwright.fixAll', async () => {
    const document = window.activeTextEditor?.document;
    if (document === undefined) {
      void window.showInformationMessage('Open a quantization config first, then run Fix All.');
      return false;
    }
    const [fix] = await context.server.edits(document, fixAllKind);
    if (fix === undefined) {
      void window.showInformationMessage('There is nothing in this document that a safe fix would settle.');
      return false;
    }
    return workspace.applyEdit(fix.edit);
  });
}
