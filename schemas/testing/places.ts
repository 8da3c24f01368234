// Test material: where the checkout and the reference material beside it are, from the compiled test files.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder whose package.json is the extension's. */
export const projectRoot: string = upFrom(dirname(fileURLToPath(import.meta.url)));

/** Reference files that only developers have, or null. */
export function shared(path: string): string | null {
  const place = join(projectRoot, '../shared', path);
  return existsSync(place) ? place : null;
}

export function read(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

function upFrom(folder: string): string {
  const manifest = join(folder, 'package.json');
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'quantwright') {
    return folder;
  }
  const parent = dirname(folder);
  if (parent === folder) {
    throw new Error('these tests run inside a checkout: no package.json named quantwright above them');
  }
  return upFrom(parent);
}
