// Command Quantize Model: choose, run with progress and cancel, measure perplexity before and after, offer to chat with the result.
// The judge of the config is the engine; a refusal leads to the place in the file that the editor underlines for the same reason.
import { basename } from 'node:path';
import { type QuantizeProgress, type QuantizeResult, quantize, quantizeProgress } from '@quantwright/schemas/rpc/engine';
import { type CancellationToken, commands, type Progress, ProgressLocation, Uri, window } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { engineFailure } from '../../engine/engine-error.ts';
import { embeddedText, remember } from '../models/find-models.ts';
import { reportFailure } from '../models/report-failure.ts';
import { measurePerplexity } from '../perplexity/measure.ts';
import { chooseQuantization, type QuantizeArguments, type QuantizeChoice } from './choose.ts';
import { type Perplexities, progressLine, resultWords } from './quantize-words.ts';
import { showRefusal } from './refusal.ts';

export interface QuantizeOutcome {
  readonly result: QuantizeResult;
  readonly perplexities: Perplexities | null;
}

let jobs = 0;

export function activate(context: QuantwrightContext): void {
  context.command('quantwright.quantizeModel', async (given?: unknown) => {
    if (!context.mayUseEngine('Quantizing a model')) return undefined;
    // A menu passes the file it was opened on.
    const choice = await chooseQuantization(context, given instanceof Uri ? { configPath: given.fsPath } : ((given ?? {}) as QuantizeArguments));
    return choice === undefined ? undefined : quantizeModel(context, choice);
  });
}

async function quantizeModel(context: QuantwrightContext, choice: QuantizeChoice): Promise<QuantizeOutcome | undefined> {
  const name = basename(choice.modelDir);
  const result = await window.withProgress({ location: ProgressLocation.Notification, title: `Quantizing ${name}`, cancellable: true }, (progress, token) =>
    runEngine(context, choice, progress, token),
  );
  if (result === undefined) return undefined;
  remember(context, result.outDir);
  for (const warning of result.warnings) context.log.warn(`Quantizing ${name}: ${warning}`);
  const perplexities = await compare(context, choice.modelDir, result.outDir);
  const words = resultWords(basename(result.outDir), result, perplexities);
  context.log.info(words);
  void offerNext(words, result.outDir);
  return { result, perplexities };
}

async function runEngine(
  context: QuantwrightContext,
  { modelDir, configPath, outDir, overwrite }: QuantizeChoice,
  progress: Progress<{ message?: string; increment?: number }>,
  token: CancellationToken,
): Promise<QuantizeResult | undefined> {
  const name = basename(modelDir);
  const progressToken = `quantize-${++jobs}`;
  let reported = 0;
  const report = (value: QuantizeProgress) => {
    const { message, percent } = progressLine(value);
    progress.report({ message, increment: Math.max(0, percent - reported) });
    reported = Math.max(reported, percent);
  };
  try {
    return await context.engine.request(
      quantize,
      { modelDir, configPath, outDir, overwrite, progressToken },
      { label: `quantizing ${name}`, token, progress: { type: quantizeProgress, token: progressToken, report } },
    );
  } catch (error) {
    const failure = engineFailure(error);
    if (failure.kind === 'refused') await showRefusal(context, configPath, failure);
    else reportFailure(context, `Quantizing ${name}`, failure, `Quantization of ${name} was cancelled. Nothing was left in ${outDir}.`);
    return undefined;
  }
}

/** Perplexity of both models on the embedded text; null when the user cancels or it fails, for the quantized model is there all the same. */
async function compare(context: QuantwrightContext, before: string, after: string): Promise<Perplexities | null> {
  const textPath = embeddedText(context);
  try {
    const original = await measurePerplexity(context, { modelDir: before, textPath }, `Measuring ${basename(before)} (cancel skips this)`);
    const quantized = await measurePerplexity(context, { modelDir: after, textPath }, `Measuring ${basename(after)} (cancel skips this)`);
    return { before: original.perplexity, after: quantized.perplexity };
  } catch (error) {
    const failure = engineFailure(error);
    if (failure.kind !== 'cancelled') reportFailure(context, 'Measuring perplexity', failure, '');
    return null;
  }
}

async function offerNext(words: string, outDir: string): Promise<void> {
  const answer = await window.showInformationMessage(words, 'Chat now', 'Reveal');
  if (answer === 'Chat now') await commands.executeCommand('quantwright.chatWithModel', { modelDir: outDir });
  if (answer === 'Reveal') await commands.executeCommand('revealInExplorer', Uri.file(outDir));
}
