// quantwright eval stats MODEL_DIR [--reference ORIGINAL] --text FILE: statistics of the weights and inputs of every linear, and their errors.
import type { StatsResult } from '@quantwright/schemas/runs/results';
import { Command, Option } from 'commander';
import { measureStats, statsSequences } from '../../eval/statistics/stats.ts';
import { readSourcedText, type TextJoin } from '../../eval/text-source.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { integer } from '../option-values.ts';
import { exitCodes, runCommand } from '../run-command.ts';
import { type Column, table } from '../table.ts';
import { statusLine, type Terminal } from '../terminal.ts';
import { decibels, jsonText, short } from './error-text.ts';
import { beginMeasurement, type RunChoices, withRunOptions } from './run-options.ts';

interface Options extends RunChoices {
  readonly text: string;
  readonly join: TextJoin;
  readonly reference?: string;
  readonly sequences?: number;
  readonly length?: number;
  readonly json?: boolean;
}

export function statsCommand(terminal: Terminal): Command {
  return withRunOptions(
    new Command('stats')
      .description('statistics of the weights and inputs of every linear')
      .argument('<model-dir>')
      .requiredOption('--text <file>', 'plain text')
      .addOption(new Option('--join <rule>', 'wikitext: rows of wikitext-2 joined by an empty line').choices(['file', 'wikitext']).default('file'))
      .option('--reference <model-dir>', 'the model it was made from: statistics before, and errors')
      .option('--sequences <count>', `sequences of the text (default: ${statsSequences})`, integer(1))
      .option('--length <tokens>', "tokens a sequence (default: the model's context, at most 2048)", integer(1))
      .option('--json', 'one JSON document'),
  ).action((modelDir: string, options: Options) => runCommand(terminal, { json: options.json ?? false }, () => stats(terminal, modelDir, options)));
}

async function stats(terminal: Terminal, modelDir: string, options: Options): Promise<number> {
  const text = await readSourcedText(options.text, options.join);
  const measurement = await beginMeasurement(terminal, options);
  const line = statusLine(terminal);
  const result = await measureStats(modelDir, text, {
    binding: await loadBinding(),
    reference: options.reference,
    ...(options.sequences === undefined ? {} : { sequences: options.sequences }),
    ...(options.length === undefined ? {} : { length: options.length }),
    signal: terminal.signal,
    onProgress: ({ block, blocks, sequencesDone, sequences }) => line.show(`block ${block + 1}/${blocks}  sequence ${sequencesDone}/${sequences}`),
  }).finally(line.clear);
  terminal.out(options.json ? jsonText(result) : statsText(result));
  await measurement.keep({ kind: 'stats', result }, modelDir);
  return exitCodes.ok;
}

function statsText({ tensors, reference }: StatsResult): string {
  const right = (title: string): Column => ({ title, align: 'right' });
  const compared = reference === null ? [] : ['w dB', 'x dB', 'out dB'].map(right);
  const columns: readonly Column[] = [
    { title: 'module' },
    ...['w min', 'w max', 'w std', 'w kurt', 'x min', 'x max', 'x std', 'x kurt', 'outlier channels'].map(right),
    ...compared,
  ];
  const rows = tensors.map(({ module, weight, activation, outlierChannels, error }) => [
    module,
    ...[weight.min, weight.max, weight.std, weight.kurtosis, activation.min, activation.max, activation.std, activation.kurtosis].map(short),
    String(outlierChannels.length),
    ...(error === null ? [] : [error.sqnr.weight, error.sqnr.activation, error.sqnr.output].map(decibels)),
  ]);
  return table(columns, rows);
}
