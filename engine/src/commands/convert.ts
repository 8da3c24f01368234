// quantwright convert MODEL --to LAYOUT --out DIR: a quantized model in another layout, without quantizing it again.
import { type ConvertProgress, type ConvertResult, type ConvertTarget, convertTargets } from '@quantwright/schemas/rpc/engine';
import { Command, Option } from 'commander';
import { loadBinding } from '../jobs/binding.ts';
import { convertModel } from '../repack/convert.ts';
import { exitCodes, runCommand } from './run-command.ts';
import { bytesText, secondsText } from './table.ts';
import { statusLine, type Terminal } from './terminal.ts';

interface Options {
  readonly to: ConvertTarget;
  readonly out: string;
  readonly computeMethod?: 'weight_only' | 'activate_quant';
  readonly exact?: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function convertCommand(terminal: Terminal): Command {
  return new Command('convert')
    .description('re-pack a quantized model into another layout, without quantizing it again')
    .argument('<model>', 'directory with config.json and safetensors weights, or a GGUF file')
    .addOption(new Option('--to <layout>', 'layout of the result').choices([...convertTargets]).makeOptionMandatory())
    .requiredOption('--out <dir>', 'directory of the result; it appears when it is complete')
    .addOption(
      new Option('--compute-method <method>', 'quantwright, compressed-tensors: how linears read activations (default: as in the source)').choices([
        'weight_only',
        'activate_quant',
      ]),
    )
    .option('--exact', 'gguf: wider blocks where a minimum would be rounded to 16 bits')
    .option('--overwrite', 'replace the output when it exists')
    .option('--json', 'progress and result as JSON lines')
    .action((model: string, options: Options) => runCommand(terminal, { json: options.json ?? false }, () => convert(terminal, model, options)));
}

async function convert(terminal: Terminal, modelPath: string, options: Options): Promise<number> {
  const line = statusLine(terminal);
  const onProgress = (progress: ConvertProgress): void => {
    if (options.json) terminal.out(`${JSON.stringify({ event: 'progress', ...progress })}\n`);
    else line.show(`${Math.floor((100 * progress.bytesDone) / Math.max(progress.bytesTotal, 1))} %  ${progress.tensor}`);
  };
  try {
    const { to, out, exact, overwrite, computeMethod } = options;
    const result = await convertModel(
      { modelPath, to, outDir: out, overwrite: overwrite ?? false, exact: exact ?? false, ...(computeMethod === undefined ? {} : { computeMethod }) },
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

function resultText(result: ConvertResult): string {
  return [
    `${result.outDir}: ${result.from} written as ${result.to}, ${result.files.join(', ')}`,
    ...result.linears.map(({ form, modules }) => `  ${String(modules).padStart(4)} linears  ${form}`),
    `  size          ${bytesText(result.outputBytes)} (was ${bytesText(result.inputBytes)})`,
    `  time          ${secondsText(result.seconds)}, peak memory ${bytesText(result.peakMemoryBytes)}`,
    '',
  ].join('\n');
}
