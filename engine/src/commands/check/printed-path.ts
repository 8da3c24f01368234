// Paths in reports for machines: relative to the working directory with `/`, as code hosts want them, and file URLs for what lies elsewhere.
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `/`-separated and relative to `base` where the file lies below it; else absolute. */
export function portablePath(path: string, base = process.cwd()): string {
  const inside = relative(base, resolve(base, path));
  const outside = inside.startsWith('..') || isAbsolute(inside);
  return (outside ? resolve(base, path) : inside).split(sep).join('/');
}

/** The same as a URI reference. */
export function pathUri(path: string, base = process.cwd()): string {
  const portable = portablePath(path, base);
  return isAbsolute(portable) ? pathToFileURL(portable).href : portable.split('/').map(encodeURIComponent).join('/');
}
