// The engine refused a config: open it at the place of the first finding, as the editor shows it, and say the engine's words.
import { basename } from 'node:path';
import { commands, type Diagnostic, DiagnosticSeverity, languages, Range, Uri, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import type { EngineFailure } from '../../engine/engine-error.ts';
import { whenDiagnosed } from '../check/when-diagnosed.ts';

type Refusal = Extract<EngineFailure, { readonly kind: 'refused' }>;

export async function showRefusal(context: QuantwrightContext, configPath: string, refusal: Refusal): Promise<void> {
  const uri = Uri.file(configPath);
  const lines = refusal.findings.map(({ code, message }) => `${code}: ${message}`);
  context.log.error([`${configPath} was refused.`, ...lines].join('\n'));
  const document = await workspace.openTextDocument(uri);
  const { errors, warnings } = await context.server.explain(uri);
  await whenDiagnosed(uri, errors, warnings);
  const place = findPlace(
    languages.getDiagnostics(uri),
    refusal.findings.map(({ code }) => code),
  );
  await window.showTextDocument(document, { preview: false, selection: place });
  void tell(`${basename(configPath)} cannot run: ${lines[0] ?? refusal.message}${lines.length > 1 ? ` (and ${lines.length - 1} more)` : ''}`);
}

async function tell(words: string): Promise<void> {
  const answer = await window.showErrorMessage(words, 'Show Problems');
  if (answer === 'Show Problems') await commands.executeCommand('workbench.panel.markers.view.focus');
}

function findPlace(diagnostics: readonly Diagnostic[], codes: readonly string[]): Range {
  const named = diagnostics.find(({ code }) => codes.includes(String(typeof code === 'object' ? code.value : code)));
  const any = named ?? diagnostics.find(({ severity }) => severity === DiagnosticSeverity.Error);
  return any?.range ?? new Range(0, 0, 0, 0);
}
