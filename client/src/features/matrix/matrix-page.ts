// The compatibility matrix as a Markdown page: an overview with a sign for each cell, then for each runtime the reasons with their sources. Pure.
import type { MatrixCell, MatrixRow } from '@quantwright/schemas/hardware/matrix-types';
import type { MatrixResult } from '@quantwright/schemas/rpc/server';
import { verdictWords } from '../target/verdict-words.ts';

const signs = { supported: '✓', refused: '✗', falls_back: '~', dequantizes: '~', ignored: '~', unknown: '?' } as const;

/** `fileName`: of the document that was judged; null: none. */
export function matrixPage(fileName: string | null, { format, unread, modelKnown, matrix }: MatrixResult): string {
  const judged = format !== null && !unread;
  const { shown, silent } = withAnswers(matrix);
  const subject = fileName === null ? '' : ` of ${text(fileName)}`;
  const lines = [
    `# Compatibility${judged ? subject : ' of the usual methods'}`,
    judged ? `Format **${format}**, ${text(matrix.rows[0]?.method ?? '')}.` : notJudged(fileName, unread),
    judged && !modelKnown
      ? 'The model is not known, so nothing here depends on its sizes: open the config beside its `config.json`, or set `quantwright.modelDirectory`.'
      : '',
    `${signs.supported} runs, ${signs.refused} is refused, ${signs.falls_back} runs in another way than asked, ${signs.unknown} nothing is known.`,
    judged ? overview(shown) : methodsOverview(shown),
    silent.length === 0 ? '' : `Nothing is known of ${text(silent.join(', '))}.`,
    ...[...new Set(shown.rows.map(({ runtimeName }) => runtimeName))].flatMap((name) => reasons(name, shown)),
  ];
  return `${lines.filter((line) => line !== '').join('\n\n')}\n`;
}

/** Runtimes that answer nothing are named in one sentence instead of a column of question marks. */
function withAnswers(matrix: MatrixResult['matrix']): { readonly shown: MatrixResult['matrix']; readonly silent: readonly string[] } {
  const names = [...new Set(matrix.rows.map(rowName))];
  const answers = (name: string): boolean =>
    matrix.rows.some((row, y) => rowName(row) === name && (matrix.cells[y] ?? []).some(({ kind }) => kind !== 'unknown'));
  const silent = names.filter((name) => !answers(name));
  const kept = matrix.rows.flatMap((row, y) => (silent.includes(rowName(row)) ? [] : [{ row, cells: matrix.cells[y] ?? [] }]));
  return { shown: { ...matrix, rows: kept.map(({ row }) => row), cells: kept.map(({ cells }) => cells) }, silent };
}

function notJudged(fileName: string | null, unread: boolean): string {
  if (fileName === null) return 'No config is open, so this shows what each runtime takes.';
  return unread
    ? `${text(fileName)} cannot be read as a whole, so this shows what each runtime takes.`
    : `${text(fileName)} is not a quantization config, so this shows what each runtime takes.`;
}

/** A row for each device, a column for each runtime. */
function overview({ rows, columns, cells }: MatrixResult['matrix']): string {
  const head = ['device', ...rows.map(rowName)];
  const body = columns.map(({ name }, x) => [onOneLine(shortName(name)), ...rows.map((_row, y) => sign(cells[y]?.[x]))]);
  return table(head, body);
}

/** Without a config there are methods times runtimes times devices: how many devices of each runtime take a method. */
function methodsOverview({ rows, cells }: MatrixResult['matrix']): string {
  const runtimes = [...new Set(rows.map(rowName))];
  const methods = [...new Set(rows.map(({ method }) => method))];
  const body = methods.map((method) => [
    onOneLine(method),
    ...runtimes.map((runtime) => {
      const row = cells[rows.findIndex((one) => one.method === method && rowName(one) === runtime)] ?? [];
      const running = row.filter(({ kind }) => kind === 'supported').length;
      return running > 0 ? `${signs.supported} ${running} of ${row.length}` : sign(row.find(({ kind }) => kind !== 'unknown') ?? row[0]);
    }),
  ]);
  return table(['method', ...runtimes], body);
}

/** Devices with the same answer share a line. */
function reasons(runtimeName: string, { rows, columns, cells }: MatrixResult['matrix']): readonly string[] {
  const several = new Set(rows.map(({ method }) => method)).size > 1;
  const body = rows.flatMap((row, y) => {
    if (row.runtimeName !== runtimeName) return [];
    const groups = new Map<string, { readonly cell: MatrixCell; readonly first: string; readonly devices: string[] }>();
    columns.forEach(({ name }, x) => {
      const cell = cells[y]?.[x];
      if (cell === undefined) return;
      const key = `${cell.kind} ${cell.rule} ${cell.kernel} ${sentence(cell, name, runtimeName)}`;
      const group = groups.get(key) ?? { cell, first: name, devices: [] };
      group.devices.push(shortName(name));
      groups.set(key, group);
    });
    return [...groups.values()].map(({ cell, first, devices }) => [
      ...(several ? [row.method] : []),
      devices.length === columns.length ? 'all devices' : devices.join(', '),
      onOneLine(`${signs[cell.kind]} ${verdictWords[cell.kind]}`),
      sentence(cell, first, runtimeName),
      [cell.code, cell.rule, cell.source].filter((part) => part !== null && part !== '').join(' · '),
    ]);
  });
  return [`## ${text(runtimeName)}`, table([...(several ? ['method'] : []), 'devices', 'verdict', 'why', 'source'], body)];
}

/** Without the runtime and the device, which have their own places. */
function sentence({ message, kernel, runtimeWords, more }: MatrixCell, device: string, runtime: string): string {
  const bare = message.replaceAll(` on ${device}`, '');
  const said = bare.startsWith(`${runtime}: `) ? bare.slice(runtime.length + 2).replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase()) : bare;
  const parts = [
    kernel === null || said.includes(kernel) ? said : `${said} Kernel: ${kernel}.`,
    runtimeWords === null ? '' : `It says: "${runtimeWords}"`,
    ...more,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function shortName(device: string): string {
  return device.replace(/^(?:NVIDIA|AMD|Intel) (?:GeForce )?/, '');
}

/** Spaces that a table does not break at. */
function onOneLine(words: string): string {
  return words.replaceAll(' ', '\u00a0');
}

function sign(cell: MatrixCell | undefined): string {
  return cell === undefined ? '' : signs[cell.kind];
}

function rowName({ runtimeName, version }: MatrixRow): string {
  return version === null ? runtimeName : `${runtimeName} ${version}`;
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(text).join(' | ')} |`;
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...body.map(line)].join('\n');
}

/** Markdown's own signs stand for themselves. */
function text(words: string): string {
  return words.replace(/[ \t\r\n]+/g, ' ').replace(/[\\`*_|<>[\]~]/g, '\\$&');
}
