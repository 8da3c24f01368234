// .quantwright/check.json above a file: found, read once for each folder, and applied. What it says is read by schemas/check/side-file.ts.
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Finding } from '@quantwright/schemas/check/finding';
import { noSideFile, readSideFile, SIDE_FILE, type SideFile, withoutSuppressed } from '@quantwright/schemas/check/side-file';

/** Settings are a page of text; a file larger than this is none. */
const maxBytes = 1_000_000;

export interface FoundSideFile {
  /** Of .quantwright/check.json; null: there is none above the file. */
  readonly path: string | null;
  /** The folder that it speaks for. */
  readonly root: string;
  readonly settings: SideFile;
}

export interface SideFiles {
  /** The nearest above `file`. */
  above(file: string): Promise<FoundSideFile>;
  /** What of the side files could not be used, with their paths; each once. */
  readonly notes: readonly string[];
}

export function sideFiles(): SideFiles {
  const known = new Map<string, Promise<FoundSideFile>>();
  const notes: string[] = [];
  const of = (folder: string): Promise<FoundSideFile> => {
    const ready = known.get(folder);
    if (ready !== undefined) return ready;
    const looking = look(folder);
    known.set(folder, looking);
    return looking;
  };
  const look = async (folder: string): Promise<FoundSideFile> => {
    const path = join(folder, SIDE_FILE);
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) return dirname(folder) === folder ? { path: null, root: folder, settings: noSideFile } : of(dirname(folder));
    if (text.length > maxBytes) {
      notes.push(`${path}: more than ${maxBytes} bytes, not read`);
      return { path, root: folder, settings: noSideFile };
    }
    const settings = readSideFile(text);
    notes.push(...settings.problems.map((problem) => `${path}: ${problem}`));
    return { path, root: folder, settings };
  };
  return { above: (file) => of(dirname(resolve(file))), notes };
}

/** Findings that the side file leaves to be told of `file`. */
export function told(findings: readonly Finding[], { root, settings }: FoundSideFile, file: string): readonly Finding[] {
  return withoutSuppressed(findings, settings, relative(root, resolve(file)).split(sep).join('/'));
}
