// The files that `check` looks at: what was named, and the JSON files of directories that were named. Limits keep a search of a home directory short.
import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { requireModelDirectory } from '../../checkpoint/model-directory.ts';
import { fileError } from '../../errors.ts';

/** Configs lie in a model's directory or a few below a project's root. */
const maxDepth = 6;
const maxFiles = 5_000;
/** Per-module configs of large models reach a few MB. */
const maxBytes = 16_000_000;
const skipped = new Set(['node_modules', 'dist', 'out', 'build', '__pycache__', 'venv']);

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
  /** config.json of the model: beside the file, or given. */
  readonly modelConfig: { readonly path: string; readonly text: string } | null;
  /** Named by the user, not found in a directory. */
  readonly named: boolean;
}

export interface FoundFiles {
  readonly files: readonly ConfigFile[];
  /** What was left out and why. */
  readonly notes: readonly string[];
}

/** Throws kind `input` or `io` for a named path that cannot be read. `modelDir`: the model that all configs are for; null = the neighbours. */
export async function findConfigFiles(paths: readonly string[], modelDir: string | null): Promise<FoundFiles> {
  const notes: string[] = [];
  const files: ConfigFile[] = [];
  const given = modelDir === null ? null : await modelConfigOf(modelDir);
  const add = async (path: string, named: boolean): Promise<void> => {
    if ((await stat(path)).size > maxBytes) {
      notes.push(`${path}: more than ${maxBytes} bytes, not looked at`);
      return;
    }
    const text = await readText(path);
    const own = basename(path) === 'config.json' ? { path, text } : null;
    files.push({ path, text, named, modelConfig: own ?? given ?? (await neighbour(path)) });
  };
  for (const path of paths) {
    const info = await stat(path).catch((cause: unknown) => {
      throw fileError('read', path, cause);
    });
    if (!info.isDirectory()) await add(path, true);
    else for (const file of await jsonFiles(path, notes)) await add(file, false);
  }
  return { files, notes };
}

async function jsonFiles(root: string, notes: string[]): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (directory: string, depth: number): Promise<void> => {
    const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown): Dirent[] => {
      if (depth === 0) throw fileError('read', directory, cause);
      notes.push(`${directory}: cannot be read, not looked at`);
      return [];
    });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name);
      if (found.length >= maxFiles) return;
      if (entry.isDirectory() && depth < maxDepth && !entry.name.startsWith('.') && !skipped.has(entry.name)) await visit(path, depth + 1);
      else if (entry.isFile() && entry.name.endsWith('.json')) found.push(path);
    }
  };
  await visit(root, 0);
  if (found.length >= maxFiles) notes.push(`${root}: only the first ${maxFiles} JSON files were looked at`);
  return found;
}

async function modelConfigOf(directory: string): Promise<{ readonly path: string; readonly text: string }> {
  await requireModelDirectory(directory);
  const path = join(directory, 'config.json');
  return { path, text: await readText(path) };
}

async function neighbour(file: string): Promise<{ readonly path: string; readonly text: string } | null> {
  const path = join(dirname(file), 'config.json');
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : { path, text };
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw fileError('read', file, cause);
  });
}
