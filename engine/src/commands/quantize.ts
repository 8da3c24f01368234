// quantwright quantize MODEL_DIR --config FILE --out DIR: quantizes a model; progress on stderr, or as JSON lines with --json.

import type { QuantizeProgress, QuantizeResult } from '@quantwright/schemas/rpc/engine';
import { Command } from 'commander';
import { loadBinding } from '../jobs/binding.ts';
import { quantizeModel } from '../pipeline/quantize.ts';
import { byteSize } from './option-values.ts';
import { exitCodes, runCommand } from './run-command.ts';
import { bytesText, secondsText } from './table.ts';
import { statusLine, type Terminal } from './terminal.ts';

interface Options {
  readonly config: string;
  readonly out: string;
  readonly device: string;
  readonly calibration?: string;
  readonly memoryLimit?: number;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function quantizeCommand(terminal: Terminal): Command {
  return new Command('quantize')
    .description('quantize a model directory')
    .argument('<model-dir>', 'directory with config.json and safetensors weights')
    .requiredOption('--config <file>', 'quantization config, such as model.quant.json')
    .requiredOption('--out <dir>', 'directory of the result; it appears when it is complete')
    .option('--device <device>', 'cpu', 'cpu')
    .option('--calibration <file>', "text for methods that need calibration (gptq); comes before the config's")
    .option('--memory-limit <size>', 'refuse jobs that need more, such as 2GiB', byteSize)
    .option('--resume', 'go on where a killed run of the same job stopped')
    .option('--overwrite', 'replace the output when it exists')
    .option('--json', 'progress and result as JSON lines')
    .action((modelDir: string, options: Options) => runCommand(terminal, { json: options.json ?? false }, () => quantize(terminal, modelDir, options)));
}

async function quantize(terminal: Terminal, modelDir: string, options: Options): Promise<number> {
  const line = statusLine(terminal);
  const onProgress = (progress: QuantizeProgress): void => {
    if (options.json) terminal.out(`${JSON.stringify({ event: 'progress', ...progress })}\n`);
    else line.show(progressText(progress));
  };
  try {
    const result = await quantizeModel(
      {
        modelDir,
        configPath: options.config,
        outDir: options.out,
        device: options.device,
        ...(options.calibration === undefined ? {} : { calibrationPath: options.calibration }),
        ...(options.memoryLimit === undefined ? {} : { memoryLimitBytes: options.memoryLimit }),
        resume: options.resume ?? false,
        overwrite: options.overwrite ?? false,
      },
      { loadBinding, onProgress, signal: terminal.signal },
    );
    line.clear();
    for (const warning of result.warnings) terminal.err(`warning: ${warning}\n`);
    terminal.out(options.json ? `${JSON.stringify({ event: 'result', ...result })}\n` : resultText(result));
    return exitCodes.ok;
  } finally {
    line.clear();
  }
}

function progressText(progress: QuantizeProgress): string {
  switch (progress.phase) {
    case 'plan':
      return `${progress.modules} modules in ${progress.blocks} blocks`;
    case 'module': {
      const percent = Math.floor((100 * progress.bytesDone) / Math.max(progress.bytesTotal, 1));
      const left = progress.etaSeconds === null ? '' : `, ${secondsText(progress.etaSeconds)} left`;
      return `${percent} %${left}  block ${progress.block + 1}/${progress.blocks}  ${progress.module}`;
    }
    case 'train':
      return `${progress.block === null ? 'all blocks' : `block ${progress.block + 1}/${progress.blocks}`}  training, step ${progress.step}/${progress.steps}, loss ${progress.loss.toPrecision(4)}`;
    case 'calibrate':
      return `block ${progress.block + 1}/${progress.blocks}  calibrating, sequence ${progress.sequencesDone}/${progress.sequences}`;
    case 'search':
      return `searching settings, part ${progress.partsDone}/${progress.parts}`;
    case 'write':
      return `writing ${progress.file}`;
  }
}

function resultText(result: QuantizeResult): string {
  const worst = [...result.modules].sort((a, b) => a.sqnrDb - b.sqnrDb)[0];
  return [
    `${result.outDir}: ${result.method}, saved as ${result.saveFormat}`,
    `  size         ${bytesText(result.outputBytes)} (was ${bytesText(result.inputBytes)})`,
    `  bits/weight  ${result.bitsPerWeight.toFixed(3)} over ${result.modules.length} linears`,
    ...(worst === undefined ? [] : [`  worst SQNR   ${worst.sqnrDb.toFixed(1)} dB in ${worst.module}`]),
    `  time         ${secondsText(result.seconds)}, peak memory ${bytesText(result.peakMemoryBytes)}`,
    '',
  ].join('\n');
}
