// Tells the user why an engine job did not finish. Crashes are told by the crash notification, so they are only logged here.
import { commands, Uri, window } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import type { EngineFailure } from '../../engine/engine-error.ts';

/** `action`: "Quantizing quill-16m". `cancelled`: what to say after a cancel. */
export function reportFailure(context: QuantwrightContext, action: string, failure: EngineFailure, cancelled: string): void {
  if (failure.kind === 'cancelled') {
    context.log.info(cancelled);
    void window.showInformationMessage(cancelled);
    return;
  }
  const words = `${action} failed: ${failure.message}`;
  context.log.error(words);
  if (failure.kind === 'stopped') return;
  void offer(failure.kind === 'unavailable' ? { words, button: 'Restart Engine' } : { words, button: 'Show Engine Log' }, failure);
}

async function offer({ words, button }: { readonly words: string; readonly button: string }, failure: EngineFailure): Promise<void> {
  const file = failure.kind === 'failed' ? failure.file : null;
  const buttons = file === null ? [button] : ['Reveal File', button];
  const answer = await window.showErrorMessage(words, ...buttons);
  if (answer === 'Restart Engine') await commands.executeCommand('quantwright.restartEngine');
  if (answer === 'Show Engine Log') await commands.executeCommand('quantwright.showEngineLog');
  if (answer === 'Reveal File' && file !== null) await commands.executeCommand('revealInExplorer', Uri.file(file));
}
