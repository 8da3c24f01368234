// Command Check Config: the findings of the active document, counted and shown in Problems, with the format and the target it was judged for.
// Static only: it asks the language server and never the engine.
import { basename } from 'node:path';
import type { ExplainResult } from '@quantwright/schemas/rpc/server';
import { commands, type TextDocument, window } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { targets } from '../../settings.ts';
import { verdictLine } from '../target/verdict-words.ts';
import { checkWords } from './check-words.ts';
import { whenDiagnosed } from './when-diagnosed.ts';

export function activate(context: QuantwrightContext): void {
  context.command('quantwright.checkConfig', async () => {
    const document = window.activeTextEditor?.document;
    if (document === undefined) {
      void window.showInformationMessage('Open a quantization config first, then run Check Config.');
      return undefined;
    }
    return checkDocument(context, document);
  });
}

async function checkDocument(context: QuantwrightContext, document: TextDocument): Promise<ExplainResult> {
  const result = await context.server.explain(document.uri);
  const words = checkWords(basename(document.fileName), result, targets());
  context.log.info([words, ...result.verdicts.map((verdict) => `  ${verdictLine(verdict)}`)].join('\n'));
  if (result.errors + result.warnings > 0) {
    await whenDiagnosed(document.uri, result.errors, result.warnings);
    // Not workbench.actions.view.problems, which closes the panel when it is open.
    await commands.executeCommand('workbench.panel.markers.view.focus');
  }
  if (result.errors > 0) void window.showErrorMessage(words);
  else if (result.warnings > 0) void window.showWarningMessage(words);
  else void window.showInformationMessage(words);
  return result;
}
