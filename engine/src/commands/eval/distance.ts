// quantwright eval distance MODEL_DIR --reference ORIGINAL --text FILE: how far what linears read, and what leaves the blocks, has gone from the original's.
import type { DistanceResult } from '@quantwright/schemas/runs/results';
import { Command, Option } from 'commander';
import { distanceSequences, measureDistance } from '../../eval/statistics/distance.ts';
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
  readonly reference: string;
  readonly sequences?: number;
  readonly length?: number;
  readonly json?: boolean;
}

export function distanceCommand(terminal: Terminal): Command {
  return withRunOptions(
    new Command('distance')
      .description('error of what every linear reads, and along the blocks, against the original')
      .argument('<model-dir>')
      .requiredOption('--reference <model-dir>', 'the model it was made from')
      .requiredOption('--text <file>', 'plain text')
      .addOption(new Option('--join <rule>', 'wikitext: rows of wikitext-2 joined by an empty line').choices(['file', 'wikitext']).default('file'))
      .option('--sequences <count>', `sequences of the text (default: ${distanceSequences})`, integer(1))
      .option('--length <tokens>', "tokens a sequence (default: the model's context, at most 2048)", integer(1))
      .option('--json', 'one JSON document'),
  ).action((modelDir: string, options: Options) => runCommand(terminal, { json: options.json ?? false }, () => distance(terminal, modelDir, options)));
}

async function distance(terminal: Terminal, modelDir: string, options: Options): Promise<number> {
  const text = await readSourcedText(options.text, options.join);
  const measurement = await beginMeasurement(terminal, options);
  const line = statusLine(terminal);
  const result = await measureDistance(modelDir, options.reference, text, {
    binding: await loadBinding(),
    ...(options.sequences === undefined ? {} : { sequences: options.sequences }),
    ...(options.length === undefined ? {} : { length: options.length }),
    signal: terminal.signal,
    onProgress: ({ block, blocks, sequencesDone, sequences }) => line.show(`block ${block + 1}/${blocks}  sequence ${sequencesDone}/${sequences}`),
  }).finally(line.clear);
  terminal.out(options.json ? jsonText(result) : distanceText(result));
  await measurement.keep({ kind: 'distance', result }, modelDir);
  return exitCodes.ok;
}

function distanceText({ modules, blocks }: DistanceResult): string {
  const figures: readonly Column[] = ['sqnr dB', 'mse', 'cosine'].map((title) => ({ title, align: 'right' }));
  const cells = (row: { readonly sqnrDb: number; readonly mse: number; readonly cosine: number }): readonly string[] => [
    decibels(row.sqnrDb),
    short(row.mse),
    row.cosine.toFixed(6),
  ];
  const inputs = table(
    [{ title: 'input of' }, ...figures],
    modules.map((row) => [row.module, ...cells(row)]),
  );
  const outputs = table(
    [{ title: 'after block' }, ...figures],
    blocks.map((row) => [String(row.block), ...cells(row)]),
  );
  return `${inputs}\n${outputs}`;
}
