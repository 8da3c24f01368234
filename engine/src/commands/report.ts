// quantwright report [--runs DIR] [--out FILE.html] [ids...]: one HTML file of the runs in the store, or the list of them.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { reportHtml } from '@quantwright/schemas/report/report';
import type { Run } from '@quantwright/schemas/runs/run';
import { Command } from 'commander';
import { EngineError, fileError } from '../errors.ts';
import { findStore, listRuns, readRun, type StoredRun } from '../runs/store.ts';
import { exitCodes, runCommand } from './run-command.ts';
import { bytesText, secondsText, table } from './table.ts';
import type { Terminal } from './terminal.ts';

interface Options {
  readonly runs?: string;
  readonly out: string;
  readonly title?: string;
  readonly sweep?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

export function reportCommand(terminal: Terminal): Command {
  return new Command('report')
    .description('one self-contained HTML file of what was measured')
    .argument('[ids...]', 'runs, as --list shows them (default: all)')
    .option('--runs <dir>', 'folder of the run store (default: .quantwright/runs of the workspace)')
    .option('--out <file>', 'the file', 'quantwright-report.html')
    .option('--title <text>', 'heading of the report')
    .option('--sweep <name>', 'only runs of this sweep')
    .option('--list', 'list the runs and write nothing')
    .option('--json', 'one JSON document on stdout')
    .action((ids: string[], options: Options) => runCommand(terminal, { json: options.json ?? false }, () => report(terminal, ids, options)));
}

async function report(terminal: Terminal, ids: readonly string[], options: Options): Promise<number> {
  const store = await findStore(process.cwd(), options.runs);
  const stored = (await listRuns(store)).filter((one) => options.sweep === undefined || (one.kind === 'run' && one.run.sweep === options.sweep));
  if (options.list) {
    terminal.out(options.json ? `${JSON.stringify(stored, null, 2)}\n` : listText(stored));
    return exitCodes.ok;
  }
  const runs = ids.length > 0 ? await Promise.all(ids.map((id) => readRun(store, id))) : stored.flatMap((one) => (one.kind === 'run' ? [one.run] : []));
  if (runs.length === 0)
    throw new EngineError('input', `${store} has no runs${options.sweep === undefined ? '' : ` of the sweep "${options.sweep}"`}; quantwright eval makes them`);
  const unread = ids.length > 0 ? [] : stored.filter((one) => one.kind !== 'run').map(unreadWords);
  for (const words of unread) terminal.err(`warning: ${words}\n`);
  await writeReport(options.out, runs, { ...(options.title === undefined ? {} : { title: options.title }), unread });
  terminal.out(
    options.json ? `${JSON.stringify({ out: resolve(options.out), runs: runs.length, unread }, null, 2)}\n` : `${options.out}: ${runs.length} runs\n`,
  );
  return exitCodes.ok;
}

/** Written beside the file and renamed. Throws kind `io` or `input`. */
export async function writeReport(out: string, runs: readonly Run[], options: { readonly title?: string; readonly unread?: readonly string[] }): Promise<void> {
  const partial = `${out}.${process.pid}.partial`;
  try {
    await mkdir(dirname(resolve(out)), { recursive: true });
    await writeFile(partial, reportHtml(runs, { ...options, made: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC` }));
    await rename(partial, out);
  } catch (cause) {
    throw fileError('write', out, cause);
  }
}

export function unreadWords(stored: StoredRun): string {
  return `${stored.file}: ${stored.kind === 'later' ? `written by a later version (${stored.version})` : stored.kind === 'damaged' ? stored.problem : ''}`;
}

function listText(stored: readonly StoredRun[]): string {
  const right = 'right' as const;
  return table(
    [{ title: 'run' }, { title: 'model' }, { title: 'method' }, { title: 'KV' }, { title: 'time', align: right }, { title: 'peak memory', align: right }],
    stored.map((one) =>
      one.kind === 'run'
        ? [
            one.id,
            one.run.model?.name ?? '-',
            one.run.model?.method ?? '-',
            one.run.model?.kvCache ?? '-',
            secondsText(one.run.seconds),
            bytesText(one.run.peakMemoryBytes),
          ]
        : [one.id, one.kind === 'later' ? `not read: written by a later version (${one.version})` : `not read: ${one.problem}`],
    ),
  );
}
