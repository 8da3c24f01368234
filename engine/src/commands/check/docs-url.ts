// Where the pages of the diagnostics lie beside the program that runs: dist/cli.js in a package or a checkout, engine/out/... in development.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const pages = join('docs', 'diagnostics');
/** engine/out/commands/check is the deepest place. */
const levels = 6;

/** As a URL without a slash at its end, or null. */
export function docsUrl(from = dirname(fileURLToPath(import.meta.url))): string | null {
  let folder = from;
  for (let level = 0; level < levels; level += 1) {
    if (existsSync(join(folder, pages, 'README.md'))) return pathToFileURL(join(folder, pages)).href;
    folder = dirname(folder);
  }
  return null;
}
