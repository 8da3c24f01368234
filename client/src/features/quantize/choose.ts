// What to quantize: the arguments of the command first, then the open config, then questions. Answers undefined when the user leaves.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type QuickPickItem, QuickPickItemKind, Uri, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { modelDirectory } from '../../settings.ts';
import { holdsModel } from '../models/find-models.ts';
import { pickModel } from '../models/pick-model.ts';
import { folderNameProblem, outputName } from './output-name.ts';
import { type Preset, presetFileName, presets, presetText } from './presets.ts';

/** Arguments of quantwright.quantizeModel, for key bindings, tasks and tests; what is missing is asked for. */
export interface QuantizeArguments {
  readonly modelDir?: string;
  readonly configPath?: string;
  readonly outDir?: string;
  /** Replace outDir without asking. */
  readonly overwrite?: boolean;
}

export interface QuantizeChoice {
  readonly modelDir: string;
  readonly configPath: string;
  readonly outDir: string;
  readonly overwrite: boolean;
}

type ConfigItem = QuickPickItem & { readonly path?: string; readonly preset?: Preset };

export async function chooseQuantization(context: QuantwrightContext, given: QuantizeArguments): Promise<QuantizeChoice | undefined> {
  const open = given.configPath ?? (await openConfig(context));
  const modelDir = given.modelDir ?? (await pickModel(context, 'Quantize (1/3): model', await modelBeside(open)));
  if (modelDir === undefined) return undefined;
  const configPath = open ?? (await pickConfig(modelDir));
  if (configPath === undefined) return undefined;
  await saveDocument(configPath);
  const outDir = given.outDir ?? (await askOutput(modelDir, configPath));
  if (outDir === undefined) return undefined;
  const overwrite = given.overwrite === true || ((await exists(outDir)) ? await confirmReplace(outDir) : false);
  if (overwrite === undefined) return undefined;
  return { modelDir, configPath, outDir, overwrite };
}

/** Formats that ask for a job, or describe one well enough; the config.json of a model does not. */
const jobFormats = ['quantwright', 'dashinfer', 'gptq-quantize-config'];

/** The active document, when the server recognises it as the config of a job. */
async function openConfig(context: QuantwrightContext): Promise<string | undefined> {
  const document = window.activeTextEditor?.document;
  if (document === undefined || document.uri.scheme !== 'file' || !/^jsonc?$/.test(document.languageId)) return undefined;
  const { format } = await context.server.explain(document.uri);
  return format !== null && jobFormats.includes(format) ? document.fileName : undefined;
}

async function modelBeside(configPath: string | undefined): Promise<string | null> {
  if (configPath !== undefined && (await holdsModel(dirname(configPath)))) return dirname(configPath);
  return modelDirectory();
}

async function pickConfig(modelDir: string): Promise<string | undefined> {
  const found = await workspace.findFiles('**/{*.quant.json,*.quant.jsonc,quantize_config.json,quant_config.json}', '**/node_modules/**', 100);
  const items: ConfigItem[] = [
    ...found.map(({ fsPath }) => ({ label: `$(json) ${basename(fsPath)}`, description: workspace.asRelativePath(dirname(fsPath)), path: fsPath })),
    { label: 'Presets', kind: QuickPickItemKind.Separator },
    ...presets.map((preset) => ({ label: `$(sparkle) ${preset.label}`, detail: preset.detail, preset })),
  ];
  const item = await window.showQuickPick(items, {
    title: 'Quantize (2/3): config',
    placeHolder: 'How should the weights be quantized? A preset is written out as a file that you can edit.',
    matchOnDetail: true,
  });
  if (item?.preset !== undefined) return writePreset(item.preset, parentFolder(modelDir));
  return item?.path;
}

async function writePreset(preset: Preset, folder: string): Promise<string> {
  const name = await presetFileName(preset, (candidate) => readFile(join(folder, candidate), 'utf8').catch(() => null));
  const path = join(folder, name);
  await writeFile(path, presetText(preset));
  await window.showTextDocument(Uri.file(path), { preview: false });
  return path;
}

async function askOutput(modelDir: string, configPath: string): Promise<string | undefined> {
  const parent = parentFolder(modelDir, configPath);
  const name = await window.showInputBox({
    title: 'Quantize (3/3): output folder',
    prompt: `Created in ${parent}`,
    value: outputName(modelDir, await readFile(configPath, 'utf8')),
    validateInput: folderNameProblem,
  });
  return name === undefined ? undefined : join(parent, name.trim());
}

/** Where outputs and presets go: the workspace folder of the config or of the model, the first folder, else beside the model. */
function parentFolder(modelDir: string, configPath?: string): string {
  const folders = workspace.workspaceFolders ?? [];
  const inside = folders.find(({ uri }) => [configPath, modelDir].some((path) => path !== undefined && !relative(uri.fsPath, path).startsWith('..')));
  return (inside ?? folders[0])?.uri.fsPath ?? dirname(modelDir);
}

/** The engine reads the file, so what the editor holds must be on the disk. */
async function saveDocument(path: string): Promise<void> {
  const document = workspace.textDocuments.find(({ uri }) => uri.scheme === 'file' && uri.fsPath === path);
  if (document?.isDirty === true) await document.save();
}

async function confirmReplace(outDir: string): Promise<true | undefined> {
  const replace = 'Replace';
  const answer = await window.showWarningMessage(
    `${basename(outDir)} exists already. Replace it?`,
    { modal: true, detail: `${outDir}\nIt is kept until the new model is complete.` },
    replace,
  );
  return answer === replace ? true : undefined;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
