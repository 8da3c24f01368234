// Finds docs/diagnostics beside the program that runs: dist/server.js in a package or a checkout, server/out/main.js in development.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `program`: the script that was started (process.argv[1]); may be a link, as npm makes for commands. Null when the pages are not there. */
export function documentationDirectory(program: string | undefined): string | null {
  if (program === undefined || !existsSync(program)) return null;
  const start = dirname(realpathSync(program));
  for (const up of ['..', join('..', '..')]) {
    const directory = join(start, up, 'docs', 'diagnostics');
    if (existsSync(directory)) return pathToFileURL(directory).href;
  }
  return null;
}
