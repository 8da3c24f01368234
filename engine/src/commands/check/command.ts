// quantwright check PATH...: the findings of the editor, on a terminal or in CI. Exit code 0 clean, 1 findings of severity error, 2 could not run.
import { basename, dirname } from 'node:path';
import { checkConfig } from '@quantwright/schemas/check/check';
import type { SeveritySettings } from '@quantwright/schemas/check/types';
import type { ModelFiles } from '@quantwright/schemas/checkpoint/model-files';
import { isShape, modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import { parseJson } from '@quantwright/schemas/document/json';
import { compatibilityMatrix } from '@quantwright/schemas/hardware/matrix';
import { runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import { createModelFilesCache, type ModelFilesCache, readModelFiles } from '@quantwright/schemas/node/model-files';
import { Command, Option } from 'commander';
import { version } from '../../version.ts';
import { integer } from '../option-values.ts';
import { exitCodes, runCommand, UsageError } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';

import { type ConfigFile, findConfigFiles } from './config-files.ts';
import { docsUrl } from './docs-url.ts';
import { type CheckedFile, summaryOf } from './located.ts';
import { matrixText } from './matrix-report.ts';
import { printers, type ReportFormat, reportFormats } from './report.ts';
import { acrossVersions } from './same-versions.ts';
import { severityOption } from './severity-option.ts';
import { type SideFiles, sideFiles, told } from './side-files.ts';
import { type AskedTargets, askedTargets, targetsOf } from './targets.ts';

interface Options {
  readonly runtime: readonly string[];
  readonly device: readonly string[];
  readonly tp?: number;
  readonly model?: string;
  readonly matrix?: boolean;
  readonly severity: SeveritySettings;
  readonly sideFile: boolean;
  readonly allowNone?: boolean;
  readonly stdinName: string;
  readonly docsUrl?: string;
  readonly format: ReportFormat;
}

/** One of each family, where no device is named: a table of all of them fits no terminal. */
const matrixDevices = ['nvidia-v100', 'nvidia-t4', 'nvidia-a100', 'nvidia-l4', 'nvidia-h100', 'nvidia-b200', 'nvidia-rtx-5090', 'x86-amx', 'armv9-sve'];

export function checkCommand(terminal: Terminal): Command {
  const each = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  return new Command('check')
    .description('check quantization configs against runtimes, devices and the model beside them')
    .argument('[path...]', 'config files, directories that are searched for them, globs, or - for standard input')
    .option('--runtime <name[@version]>', `what the config is for, repeatable: ${runtimes.map((runtime) => runtime.id).join(', ')}`, each, [])
    .option('--device <name>', 'such as h100, v100, x86-avx2, or this (the machine); repeatable; needs --runtime or --matrix', each, [])
    .option('--tp <n>', 'devices that every tensor is split over', integer(1))
    .option('--model <dir>', 'model that the config is for, when it is not beside it')
    .option('--matrix', 'every runtime on every device as a table; without a path the usual methods')
    .addOption(
      new Option('--severity <code=level>', 'error, warning, information, hint or off for a diagnostic, repeatable')
        .argParser(severityOption)
        .default({}, 'as documented'),
    )
    .option('--no-side-file', 'do not read .quantwright/check.json')
    .option('--allow-none', 'no config among the paths is no failure (for hooks)')
    .option('--stdin-name <name>', 'what - is called, and where its neighbours are', 'stdin.json')
    .option('--docs-url <url>', 'where the pages of the diagnostics are, for links in SARIF')
    .addOption(new Option('--format <format>', 'how findings are printed').choices([...reportFormats]).default('text'))
    .action((paths: string[], options: Options) => runCommand(terminal, { json: false, failed: exitCodes.usage }, () => check(terminal, paths, options)));
}

async function check(terminal: Terminal, paths: readonly string[], options: Options): Promise<number> {
  const asked = await askedTargets(options);
  refuseSlips(paths, options);
  if (paths.length === 0) return methodMatrix(terminal, asked, options.format);
  const { files, notes } = await findConfigFiles(paths, { modelDir: options.model ?? null, stdinName: options.stdinName, readStdin });
  const side = options.sideFile ? sideFiles() : null;
  const cache = createModelFilesCache();
  const checked: CheckedFile[] = [];
  const others: string[] = [];
  for (const file of files) {
    const one = await checkFile(file, asked, options, side, cache);
    if (one !== null) checked.push(one);
    else if (file.named) others.push(`${file.path} is not a quantization config`);
  }
  const unread = checked.filter(({ matrix }) => options.matrix === true && matrix === null);
  const noMatrix = unread.map(({ path }) => `${path}: the config cannot be read as a whole, so it has no matrix`);
  const said = [...new Set([...notes, ...noMatrix, ...modelNotes(files), ...(side?.notes ?? []), ...(options.allowNone === true ? [] : others)])];
  for (const note of said) terminal.err(`note: ${note}\n`);
  if (checked.length === 0 && options.allowNone !== true) throw new UsageError(`no quantization config in ${paths.join(', ')}`);
  terminal.out(printers[options.format](checked, { docsUrl: options.docsUrl?.replace(/\/+$/, '') ?? docsUrl() }));
  return summaryOf(checked).errors === 0 ? exitCodes.ok : exitCodes.failed;
}

function refuseSlips(paths: readonly string[], { runtime, device, tp, matrix, format }: Options): void {
  if (runtime.length === 0 && matrix !== true && (device.length > 0 || tp !== undefined))
    throw new UsageError('--device and --tp need --runtime: each runtime has its own kernels for a device');
  if (matrix === true && (format === 'sarif' || format === 'github')) throw new UsageError(`--matrix is printed as text or json, not as ${format}`);
  if (paths.length === 0 && matrix !== true) throw new UsageError('name a config file or a directory (--matrix alone shows the usual methods)');
}

/** Null: not a quantization config. */
async function checkFile(file: ConfigFile, asked: AskedTargets, options: Options, side: SideFiles | null, cache: ModelFilesCache): Promise<CheckedFile | null> {
  const found = (await side?.above(file.path)) ?? null;
  const severity = { ...found?.settings.severity, ...options.severity };
  const modelConfigText = file.modelConfig?.text ?? null;
  const neighbours = await neighboursOf(file, options.model ?? null, cache);
  const result = checkConfig({ fileName: file.path, text: file.text, modelConfigText, targets: targetsOf(asked), files: neighbours, severity });
  if (result.format === null && result.findings.length === 0) return null;
  const left = found === null ? result.findings : told(result.findings, found, file.path);
  const findings = acrossVersions(
    left,
    asked.runtimes.flatMap(({ version: one }) => one ?? []),
  );
  const { recipe, model } = result;
  const matrix = options.matrix === true && recipe !== null ? compatibilityMatrix({ ...matrixAxes(asked), recipe, model }) : null;
  return { path: file.path, text: file.text, result: { ...result, findings }, suppressed: result.findings.length - left.length, matrix };
}

/** Texts that lie beside the config; tensors of the model that was named, or from the same place. */
async function neighboursOf({ path }: ConfigFile, modelDir: string | null, cache: ModelFilesCache): Promise<ModelFiles> {
  const beside = await readModelFiles(dirname(path), basename(path), cache);
  return modelDir === null ? beside : { ...beside, tensors: (await readModelFiles(modelDir, '', cache)).tensors };
}

function matrixAxes(asked: AskedTargets): Omit<Parameters<typeof compatibilityMatrix>[0], 'recipe' | 'model'> {
  return { ...asked, devices: asked.devices.length === 0 ? matrixDevices : asked.devices };
}

function methodMatrix(terminal: Terminal, asked: AskedTargets, format: ReportFormat): number {
  const matrix = compatibilityMatrix({ ...matrixAxes(asked), recipe: null, model: null });
  terminal.out(format === 'json' ? `${JSON.stringify({ version, matrix }, null, 2)}\n` : matrixText(matrix));
  return exitCodes.ok;
}

/** Models whose sizes could not be looked at, each once: a clean report must not look as if they had been. */
function modelNotes(files: readonly ConfigFile[]): readonly string[] {
  return files.flatMap(({ modelConfig, path }) => {
    if (modelConfig === null || modelConfig.path === path) return [];
    const shape = modelShapeFromConfig(modelConfig.text);
    if (isShape(shape)) return [];
    const problem = parseJson(modelConfig.text).problems[0];
    return [
      `${modelConfig.path}: ${problem === undefined ? shape.reason : `not valid JSON: ${problem.message}`} Group sizes are not checked against the model`,
    ];
  });
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString('utf8');
}
