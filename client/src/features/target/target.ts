// What configs are judged against: the status bar item and the command Select Target. Targets live in the setting `quantwright.targets`.
// The item is there while a config is in front, which the language server knows; menus go by the context key quantwright.activeFormat.
import { commands, languages, MarkdownString, StatusBarAlignment, type StatusBarItem, type TextDocument, ThemeColor, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { documentSelector } from '../../server/selector.ts';
import { setTargets, targets } from '../../settings.ts';
import { selectTargets } from './pick-target.ts';
import { targetsLabel } from './targets.ts';
import { machineAsker } from './this-machine.ts';
import { verdictLine } from './verdict-words.ts';

export function activate(context: QuantwrightContext): void {
  const item = window.createStatusBarItem('quantwright.target', StatusBarAlignment.Right, 90);
  item.name = 'Quantwright Target';
  item.command = 'quantwright.selectTarget';
  context.own(item);

  const refresh = () => void show(context, item);
  context.own(window.onDidChangeActiveTextEditor(refresh));
  context.own(
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('quantwright.targets')) refresh();
    }),
  );
  // New diagnostics mean new verdicts.
  context.own(
    languages.onDidChangeDiagnostics(({ uris }) => {
      const active = window.activeTextEditor?.document.uri.toString();
      if (uris.some((uri) => uri.toString() === active)) refresh();
    }),
  );
  refresh();

  context.command('quantwright.selectTarget', async () => {
    const choices = await context.server.targetChoices();
    const selected = await selectTargets(choices, targets(), machineAsker(context));
    if (selected !== undefined) await setTargets(selected);
  });
}

async function show(context: QuantwrightContext, item: StatusBarItem): Promise<void> {
  const document = window.activeTextEditor?.document;
  // Looking at the log does not change which config is being worked on.
  if (document?.uri.scheme === 'output') return;
  const explained = document === undefined || languages.match(documentSelector, document) === 0 ? null : await explainLines(context, document);
  if (window.activeTextEditor?.document !== document) return;
  await commands.executeCommand('setContext', 'quantwright.activeFormat', explained?.format ?? null);
  if (explained === null || explained.format === null) {
    item.hide();
    return;
  }
  const kept = targets();
  item.text = `$(target) ${targetsLabel(kept)}`;
  item.accessibilityInformation = { label: `Quantization target: ${targetsLabel(kept)}`, role: 'button' };
  item.tooltip = tooltip(kept.length, explained.lines);
  item.backgroundColor = explained.refused ? new ThemeColor('statusBarItem.warningBackground') : undefined;
  item.show();
}

interface Explained {
  /** Null: not a quantization config. */
  readonly format: string | null;
  readonly lines: readonly string[];
  readonly refused: boolean;
}

async function explainLines(context: QuantwrightContext, document: TextDocument): Promise<Explained> {
  try {
    const { format, verdicts } = await context.server.explain(document.uri);
    return { format, lines: verdicts.map(verdictLine), refused: verdicts.some(({ kind }) => kind === 'refused') };
  } catch (error) {
    // The item is an extra; the server's own failure is in its log.
    context.log.debug(`No verdicts for ${document.uri.fsPath}: ${String(error)}`);
    return { format: null, lines: [], refused: false };
  }
}

function tooltip(count: number, lines: readonly string[]): MarkdownString {
  const head = count === 0 ? 'No target is selected, so only checks that need none are made.' : 'Quantization configs are judged for:';
  const text = new MarkdownString([head, ...lines, 'Click to select a target.'].join('\n\n'), true);
  text.isTrusted = false;
  return text;
}
