// quantwright bench kernels: times of the products of every codec beside f16, as a table of m, n, k.
import type { KernelsResult } from '@quantwright/schemas/runs/results';
import { Command, InvalidArgumentError } from 'commander';
import { baseCodec, benchCodecs } from '../../bench/codecs.ts';
import { benchKernels, type KernelShape } from '../../bench/kernels.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { beginMeasurement, type RunChoices, withRunOptions } from '../eval/run-options.ts';
import { integer } from '../option-values.ts';
import { exitCodes, runCommand } from '../run-command.ts';
import { type Column, table } from '../table.ts';
import { statusLine, type Terminal } from '../terminal.ts';

interface Options extends RunChoices {
  readonly shapes: readonly KernelShape[];
  readonly m: readonly number[];
  readonly codecs: readonly string[];
  readonly json?: boolean;
}

/** Of a model of some 1 billion weights. */
const usualShapes: readonly KernelShape[] = [
  { n: 2048, k: 2048 },
  { n: 5632, k: 2048 },
  { n: 2048, k: 5632 },
];

export function kernelsCommand(terminal: Terminal): Command {
  const all = Object.keys(benchCodecs).filter((codec) => codec !== baseCodec);
  return withRunOptions(
    new Command('kernels')
      .description('times of the products of every codec beside f16')
      .option('--shapes <n,k...>', 'outputs and inputs of the matrices (default: 2048,2048 5632,2048 2048,5632)', collected(shape), usualShapes)
      .option('--m <rows...>', 'rows of x (default: 1 8 128)', collected(integer(1)), [1, 8, 128])
      .option('--codecs <names...>', `of ${all.join(', ')} (default: all)`, collected(String), all)
      .option('--json', 'one JSON document'),
  ).action((options: Options) => runCommand(terminal, { json: options.json ?? false }, () => kernels(terminal, options)));
}

async function kernels(terminal: Terminal, options: Options): Promise<number> {
  const measurement = await beginMeasurement(terminal, options);
  const binding = await loadBinding();
  const line = statusLine(terminal);
  const { shapes, m: rows, codecs } = options;
  const result = await benchKernels({ binding, shapes, rows, codecs, signal: terminal.signal, onProgress: line.show }).finally(line.clear);
  const { brand, level, threads } = binding.cpuInfo();
  terminal.out(
    options.json
      ? `${JSON.stringify(result, null, 2)}\n`
      : `${kernelsText(result)}\n${brand}, ${level}, ${threads} threads; microseconds and times ${baseCodec}\n`,
  );
  await measurement.keep({ kind: 'kernels', result }, null);
  return exitCodes.ok;
}

/** m n k, the base line, and every codec's time with its ratio. */
export function kernelsText({ baseline, rows }: KernelsResult): string {
  const codecs = [...new Set(rows.map(({ codec }) => codec))].filter((codec) => codec !== baseline);
  const right = (title: string): Column => ({ title, align: 'right' });
  const bases = rows.filter(({ codec }) => codec === baseline);
  const cells = bases.map(({ m, n, k, microseconds }) => [
    ...[m, n, k].map(String),
    microseconds.toFixed(1),
    ...codecs.flatMap((codec) => {
      const row = rows.find((other) => other.codec === codec && other.m === m && other.n === n && other.k === k);
      return row === undefined ? ['-', '-'] : [row.microseconds.toFixed(1), `${row.ratio.toFixed(2)}x`];
    }),
  ]);
  return table(['m', 'n', 'k', baseline, ...codecs.flatMap((codec) => [codec, 'ratio'])].map(right), cells);
}

/** An option that is given several times, or with several values; the first one takes the place of the default. */
function collected<T>(parse: (text: string) => T): (text: string, before: readonly T[]) => readonly T[] {
  let given: readonly T[] = [];
  return (text) => {
    given = [...given, parse(text)];
    return given;
  };
}

function shape(text: string): KernelShape {
  const [n = Number.NaN, k = Number.NaN, ...more] = text.split(',').map(Number);
  if (more.length > 0 || !Number.isSafeInteger(n) || !Number.isSafeInteger(k) || n < 1 || k < 1)
    throw new InvalidArgumentError('It must be outputs and inputs, such as 4096,11008.');
  return { n, k };
}
