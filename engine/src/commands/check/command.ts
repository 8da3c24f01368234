// quantwright check PATH...: the findings of the editor, on a terminal or in CI. Exit code 0 clean, 1 findings of severity error, 2 could not run.

import { checkConfig } from '@quantwright/schemas/check/check';
import { nearestWord } from '@quantwright/schemas/check/nearest-word';
import { isShape, modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import { parseJson } from '@quantwright/schemas/document/json';
import { devices, findDevice } from '@quantwright/schemas/hardware/devices';
import { findRuntime, runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import type { Target } from '@quantwright/schemas/hardware/target';
import { Command, Option } from 'commander';
import { integer } from '../option-values.ts';
import { exitCodes, runCommand, UsageError } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';
import { type ConfigFile, findConfigFiles } from './config-files.ts';
import { type CheckedFile, printers, type ReportFormat, reportFormats, summaryOf } from './report.ts';

interface Options {
  readonly runtime?: string;
  readonly device?: string;
  readonly tp?: number;
  readonly model?: string;
  readonly format: ReportFormat;
}

export function checkCommand(terminal: Terminal): Command {
  return new Command('check')
    .description('check quantization configs against a runtime, a device and the model beside them')
    .argument('<path...>', 'config files, or directories that are searched for them')
    .option('--runtime <name>', `what the config is for: ${runtimes.map((runtime) => runtime.id).join(', ')}`)
    .option('--device <name>', 'such as h100, v100, x86-avx2; needs --runtime')
    .option('--tp <n>', 'devices that every tensor is split over', integer(1))
    .option('--model <dir>', 'model that the config is for, when it is not beside it')
    .addOption(new Option('--format <format>', 'how findings are printed').choices([...reportFormats]).default('text'))
    .action((paths: string[], options: Options) => runCommand(terminal, { json: false, failed: exitCodes.usage }, () => check(terminal, paths, options)));
}

async function check(terminal: Terminal, paths: readonly string[], options: Options): Promise<number> {
  const targets = targetsOf(options);
  const { files, notes } = await findConfigFiles(paths, options.model ?? null);
  for (const note of [...notes, ...modelNotes(files)]) terminal.err(`note: ${note}\n`);
  const checked: CheckedFile[] = [];
  for (const file of files) {
    const result = checkConfig({ fileName: file.path, text: file.text, modelConfigText: file.modelConfig?.text ?? null, targets });
    if (result.format !== null || result.findings.length > 0) checked.push({ path: file.path, text: file.text, result });
    else if (file.named) terminal.err(`note: ${file.path} is not a quantization config\n`);
  }
  if (checked.length === 0) throw new UsageError(`no quantization config in ${paths.join(', ')}`);
  terminal.out(printers[options.format](checked));
  return summaryOf(checked).errors === 0 ? exitCodes.ok : exitCodes.failed;
}

/** Models whose sizes could not be looked at, each once: a clean report must not look as if they had been. */
function modelNotes(files: readonly ConfigFile[]): readonly string[] {
  const notes = files.flatMap(({ modelConfig, path }) => {
    if (modelConfig === null || modelConfig.path === path) return [];
    const shape = modelShapeFromConfig(modelConfig.text);
    if (isShape(shape)) return [];
    const problem = parseJson(modelConfig.text).problems[0];
    return [
      `${modelConfig.path}: ${problem === undefined ? shape.reason : `not valid JSON: ${problem.message}`} Group sizes are not checked against the model`,
    ];
  });
  return [...new Set(notes)];
}

function targetsOf(options: Options): readonly Target[] {
  if (options.runtime === undefined) {
    if (options.device !== undefined || options.tp !== undefined)
      throw new UsageError('--device and --tp need --runtime: each runtime has its own kernels for a device');
    return [];
  }
  const runtime = findRuntime(options.runtime);
  if (runtime === null) throw unknownName('runtime', options.runtime, runtimes);
  const device = options.device === undefined ? null : findDevice(options.device);
  if (options.device !== undefined && device === null) throw unknownName('device', options.device, devices);
  return [{ runtime: runtime.id, version: null, device: device?.id ?? null, tensorParallel: options.tp ?? 1 }];
}

/** Devices are mostly named without their maker (`h100`), so both spellings are compared. */
function unknownName(what: string, written: string, known: readonly { readonly id: string }[]): UsageError {
  const ids = known.map(({ id }) => id);
  const short = new Map(ids.map((id) => [id.slice(id.indexOf('-') + 1), id]));
  const begun = [...short.keys(), ...ids].find((name) => name.startsWith(written.toLowerCase()));
  const near = begun ?? nearestWord(written, ids) ?? nearestWord(written, [...short.keys()]);
  const meant = near === null ? '' : `; did you mean ${short.get(near) ?? near}?`;
  return new UsageError(`no such ${what}: ${written}${meant}${meant === '' ? ';' : ''} known: ${ids.join(', ')}`);
}
