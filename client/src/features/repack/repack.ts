// Command Convert Model: a quantized model in another layout, without quantizing it again; choose, run with progress and cancel, offer to reveal the result.
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type ConvertProgress, type ConvertResult, type ConvertTarget, convert, convertProgress, convertTargets } from '@quantwright/schemas/rpc/engine';
import { commands, ProgressLocation, Uri, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { engineFailure } from '../../engine/engine-error.ts';
import { remember } from '../models/find-models.ts';
import { pickModel } from '../models/pick-model.ts';
import { reportFailure } from '../models/report-failure.ts';
import { folderNameProblem } from '../quantize/output-name.ts';
import { convertedName, convertedWords, layoutChoices } from './repack-words.ts';

/** Arguments of quantwright.convertModel, for key bindings, tasks and tests; what is missing is asked for. */
interface ConvertArguments {
  readonly modelPath?: string;
  readonly to?: ConvertTarget;
  readonly outDir?: string;
  /** Replace outDir without asking. */
  readonly overwrite?: boolean;
}

let jobs = 0;

export function activate(context: QuantwrightContext): void {
  context.command('quantwright.convertModel', async (given?: unknown) => {
    if (!context.mayUseEngine('Converting a model')) return undefined;
    // A menu passes the file it was opened on.
    const asked = given instanceof Uri ? { modelPath: given.fsPath } : ((given ?? {}) as ConvertArguments);
    const modelPath = asked.modelPath ?? (await pickModel(context, 'Convert (1/3): model'));
    if (modelPath === undefined) return undefined;
    const to = convertTargets.find((target) => target === asked.to) ?? (await pickLayout());
    if (to === undefined) return undefined;
    const outDir = asked.outDir ?? (await askOutput(modelPath, to));
    if (outDir === undefined) return undefined;
    const overwrite = asked.overwrite === true || ((await exists(outDir)) ? await confirmReplace(outDir) : false);
    return overwrite === undefined ? undefined : convertModel(context, { modelPath, to, outDir, overwrite });
  });
}

async function pickLayout(): Promise<ConvertTarget | undefined> {
  const items = layoutChoices.map(({ to, label, detail }) => ({ label, detail, to }));
  const item = await window.showQuickPick(items, { title: 'Convert (2/3): layout', placeHolder: 'What should the result be read by?', matchOnDetail: true });
  return item?.to;
}

async function askOutput(modelPath: string, to: ConvertTarget): Promise<string | undefined> {
  const parent = workspace.workspaceFolders?.[0]?.uri.fsPath ?? dirname(modelPath);
  const name = await window.showInputBox({
    title: 'Convert (3/3): output folder',
    prompt: `Created in ${parent}`,
    value: convertedName(modelPath, to),
    validateInput: folderNameProblem,
  });
  return name === undefined ? undefined : join(parent, name.trim());
}

async function confirmReplace(outDir: string): Promise<true | undefined> {
  const replace = 'Replace';
  const detail = `${outDir}\nIt is kept until the new model is complete.`;
  const answer = await window.showWarningMessage(`${basename(outDir)} exists already. Replace it?`, { modal: true, detail }, replace);
  return answer === replace ? true : undefined;
}

async function convertModel(context: QuantwrightContext, params: Required<ConvertArguments>): Promise<ConvertResult | undefined> {
  const name = basename(params.modelPath);
  const label = `Converting ${name}`;
  const progressToken = `convert-${++jobs}`;
  const result = await window.withProgress({ location: ProgressLocation.Notification, title: label, cancellable: true }, async (progress, token) => {
    let reported = 0;
    const report = ({ tensor, bytesDone, bytesTotal }: ConvertProgress): void => {
      const percent = Math.floor((100 * bytesDone) / Math.max(bytesTotal, 1));
      progress.report({ message: tensor, increment: Math.max(0, percent - reported) });
      reported = Math.max(reported, percent);
    };
    try {
      const options = { label: `converting ${name}`, token, progress: { type: convertProgress, token: progressToken, report } };
      return await context.engine.request(convert, { ...params, progressToken }, options);
    } catch (error) {
      reportFailure(context, label, told(engineFailure(error)), `Conversion of ${name} was cancelled. Nothing was left in ${params.outDir}.`);
      return undefined;
    }
  });
  if (result === undefined) return undefined;
  if (params.to !== 'gguf') remember(context, result.outDir);
  const words = convertedWords(basename(result.outDir), result);
  context.log.info(words);
  void offerNext(words, result.outDir);
  return result;
}

/** A layout that cannot hold the weights is no place in a config. */
function told(failure: ReturnType<typeof engineFailure>): ReturnType<typeof engineFailure> {
  return failure.kind === 'refused' ? { kind: 'failed', message: failure.message, file: null } : failure;
}

async function offerNext(words: string, outDir: string): Promise<void> {
  if ((await window.showInformationMessage(words, 'Reveal')) === 'Reveal') await commands.executeCommand('revealInExplorer', Uri.file(outDir));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
