// The compatibility matrix on a terminal: a table of short words, and below it what the cells that do not simply run say, each sentence once. Pure.
import type { CellKind, CompatibilityMatrix, MatrixCell } from '@quantwright/schemas/hardware/matrix-types';
import { table } from '../table.ts';

const words: Readonly<Record<CellKind, string>> = {
  supported: 'yes',
  refused: 'NO',
  dequantizes: 'bf16',
  falls_back: 'other',
  ignored: 'ignored',
  unknown: '?',
};

const legend =
  'yes: runs; NO: refused; bf16: dequantized, more memory; other: runs another way; ignored: the setting is not read; ?: no rows, nothing is known';

export function matrixText({ rows, columns, cells }: CompatibilityMatrix): string {
  const notes: string[] = [];
  const methods = new Set(rows.map(({ method }) => method)).size > 1;
  const body = rows.map((row, y) => [
    ...(methods ? [row.method] : []),
    `${row.runtimeName}${row.version === null ? '' : ` ${row.version}`}`,
    ...columns.map(({ name }, x) => cellText(cells[y]?.[x], notes, `${row.runtimeName} on ${name}: `, `${row.runtimeName}: `)),
  ]);
  const titles = [...(methods ? ['method'] : []), 'runtime', ...columns.map(({ name }) => name.replace(/^(NVIDIA|AMD|Intel) (GeForce )?/, ''))];
  const lines = notes.map((note, index) => `[${index + 1}] ${note}`);
  return `${table(
    titles.map((title) => ({ title })),
    body,
  )}(${legend})\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** `NO [3]`: the number leads to the sentence, which devices share where it names none. Cells without rows say nothing that their sign does not say. */
function cellText(cell: MatrixCell | undefined, notes: string[], named: string, unnamed: string): string {
  if (cell === undefined) return '';
  const word = words[cell.kind];
  if (cell.kind === 'supported' || cell.rule === 'NO-ROW') return word;
  const said = cell.message.startsWith(named) ? unnamed + cell.message.slice(named.length) : cell.message;
  const note = `${said}${cell.code === null ? '' : ` (${cell.code}, ${cell.rule})`}`;
  const known = notes.indexOf(note);
  if (known < 0) notes.push(note);
  return `${word} [${known < 0 ? notes.length : known + 1}]`;
}
