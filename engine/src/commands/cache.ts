// quantwright cache list | clear: the packed models that make the next load fast.
import { Command } from 'commander';
import { readIndex } from '../packed-cache/entry.ts';
import { cacheLimit, listEntries, removeEntry } from '../packed-cache/folder.ts';
import { cacheLocation } from '../packed-cache/location.ts';
import { exitCodes, runCommand } from './run-command.ts';
import { bytesText, table } from './table.ts';
import type { Terminal } from './terminal.ts';

interface Options {
  readonly json?: boolean;
}

export function cacheCommand(terminal: Terminal): Command {
  const run = (body: (terminal: Terminal, json: boolean) => Promise<number>) => (options: Options) =>
    runCommand(terminal, { json: options.json ?? false }, () => body(terminal, options.json ?? false));
  return new Command('cache')
    .description('packed models, kept so that they load fast again')
    .addCommand(new Command('list').description('show them, with their folder').option('--json', 'one JSON document').action(run(list)))
    .addCommand(new Command('clear').description('remove all of them').option('--json', 'one JSON document').action(run(clear)))
    .addHelpText(
      'after',
      '\nThe folder is QUANTWRIGHT_CACHE_DIR, or the cache folder of the system. QUANTWRIGHT_CACHE_GB limits it, QUANTWRIGHT_NO_CACHE=1 turns it off.',
    );
}

async function list(terminal: Terminal, json: boolean): Promise<number> {
  const location = cacheLocation();
  if (location === null) return off(terminal, json);
  const entries = [...(await listEntries(location.directory))].reverse();
  const models = await Promise.all(
    entries.map(async ({ path, bytes, usedAt }) => {
      const index = await readIndex(path).catch((cause: unknown) => (cause instanceof Error ? cause.message : String(cause)));
      return { path, bytes, usedAt: new Date(usedAt).toISOString(), model: typeof index === 'string' ? null : index.model };
    }),
  );
  const limitBytes = await cacheLimit(location).catch(() => null); // the folder may not be there yet
  if (json) terminal.out(`${JSON.stringify({ directory: location.directory, limitBytes, entries: models }, null, 2)}\n`);
  else {
    const rows = models.map(({ model, bytes, usedAt }) => [model ?? '(damaged)', bytesText(bytes), usedAt.slice(0, 16).replace('T', ' ')]);
    if (rows.length > 0) terminal.out(table([{ title: 'model' }, { title: 'size', align: 'right' }, { title: 'last used (UTC)' }], rows));
    const used = bytesText(entries.reduce((sum, { bytes }) => sum + bytes, 0));
    terminal.out(`${location.directory}: ${entries.length} packed models, ${used}${limitBytes === null ? '' : ` of at most ${bytesText(limitBytes)}`}\n`);
  }
  return exitCodes.ok;
}

async function clear(terminal: Terminal, json: boolean): Promise<number> {
  const location = cacheLocation();
  if (location === null) return off(terminal, json);
  const entries = await listEntries(location.directory);
  const kept: string[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (await removeEntry(entry.path)) bytes += entry.bytes;
    else kept.push(entry.path);
  }
  if (json) terminal.out(`${JSON.stringify({ directory: location.directory, removed: entries.length - kept.length, bytes, kept }, null, 2)}\n`);
  else {
    terminal.out(`removed ${entries.length - kept.length} packed models, ${bytesText(bytes)}\n`);
    for (const path of kept) terminal.err(`error: cannot remove ${path}; another process may be using it\n`);
  }
  return kept.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function off(terminal: Terminal, json: boolean): number {
  if (json) terminal.out(`${JSON.stringify({ directory: null, entries: [] })}\n`);
  else terminal.out('the cache is turned off (QUANTWRIGHT_NO_CACHE)\n');
  return exitCodes.ok;
}
