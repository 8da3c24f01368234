// quantwright inspect PATH: what a model directory or safetensors file holds. Reads headers only.
import { Command } from 'commander';
import { inspectPath } from '../jobs/inspect.ts';
import { printable } from '../printable.ts';
import { exitCodes, runCommand } from './run-command.ts';
import { bytesText, table } from './table.ts';
import type { Terminal } from './terminal.ts';

export function inspectCommand(terminal: Terminal): Command {
  return new Command('inspect')
    .description('show what a model directory or safetensors file holds')
    .argument('<path>')
    .option('--json', 'one JSON document')
    .action((path: string, options: { readonly json?: boolean }) =>
      runCommand(terminal, { json: options.json ?? false }, () => inspect(terminal, path, options.json ?? false)),
    );
}

async function inspect(terminal: Terminal, path: string, json: boolean): Promise<number> {
  const report = await inspectPath(path);
  if (json) {
    terminal.out(`${JSON.stringify(report, null, 2)}\n`);
    return exitCodes.ok;
  }
  const rows = report.tensors.map((tensor) => [printable(tensor.name), tensor.dtype, `[${tensor.shape.join(', ')}]`, bytesText(tensor.bytes)]);
  terminal.out(table([{ title: 'tensor' }, { title: 'type' }, { title: 'shape' }, { title: 'size', align: 'right' }], rows));
  terminal.out(
    [
      '',
      `${report.path}: ${printable(report.architecture ?? 'no config.json that is known')}`,
      `  parameters   ${report.parameters.toLocaleString('en')}`,
      `  files        ${bytesText(report.fileBytes)}`,
      `  weights      ${printable(report.quantization ?? 'not quantized')}, ${report.bitsPerWeight.toFixed(2)} bits/weight`,
      ...(report.runsIn === null ? [] : [`  runs in      ${printable(report.runsIn)}`]),
      ...(report.contextLength === null ? [] : [`  context      ${report.contextLength.toLocaleString('en')} tokens`]),
      `  chat         ${report.hasChatTemplate ? 'has a chat template' : 'has no chat template'}`,
      '',
    ].join('\n'),
  );
  return exitCodes.ok;
}
