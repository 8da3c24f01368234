// The files that `check` looks at: what was named, what globs match, standard input, and the JSON and YAML files of directories. Limits keep a search
// of a home directory short.
import { type Dirent, existsSync } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { requireModelDirectory } from '../../checkpoint/model-directory.ts';
import { fileError } from '../../errors.ts';
import { UsageError } from '../run-command.ts';

/** Configs lie in a model's directory or a few below a project's root. */
const maxDepth = 6;
const maxFiles = 5_000;
/** Per-module configs of large models reach a few MB. */
const maxBytes = 16_000_000;
const skipped = new Set(['node_modules', '.git', 'dist', 'out', 'build', '__pycache__', 'venv']);
/** Beside every model, large, and never a quantization config. */
const otherFiles = new Set(['tokenizer.json', 'vocab.json', 'added_tokens.json', 'special_tokens_map.json', 'package-lock.json']);

export interface ConfigFile {
  /** As it is printed. */
  readonly path: string;
  readonly text: string;
  /** config.json of the model: beside the file, or given. */
  readonly modelConfig: { readonly path: string; readonly text: string } | null;
  /** Named by the user, not found in a directory or by a glob. */
  readonly named: boolean;
}

export interface FoundFiles {
  readonly files: readonly ConfigFile[];
  /** What was left out and why. */
  readonly notes: readonly string[];
}

export interface Search {
  /** The model that all configs are for; null: the neighbours. */
  readonly modelDir: string | null;
  /** What `-` is called. */
  readonly stdinName: string;
  readStdin(): Promise<string>;
}

/** Throws kind `input` or `io` for a named path that cannot be read. */
export async function findConfigFiles(paths: readonly string[], search: Search): Promise<FoundFiles> {
  const notes: string[] = [];
  const files: ConfigFile[] = [];
  const seen = new Set<string>();
  const given = search.modelDir === null ? null : await modelConfigOf(search.modelDir);
  const add = async (path: string, named: boolean): Promise<void> => {
    const identity = await identityOf(path);
    if (seen.has(identity)) return;
    seen.add(identity);
    if ((await stat(path)).size > maxBytes) {
      notes.push(`${path}: more than ${maxBytes} bytes, not looked at`);
      return;
    }
    const text = await readText(path);
    files.push({ path, text, named, modelConfig: ownConfig(path, text) ?? given ?? (await neighbour(path)) });
  };
  for (const path of paths) {
    if (path === '-') {
      const text = await search.readStdin();
      const name = search.stdinName;
      files.push({ path: name, text, named: true, modelConfig: ownConfig(name, text) ?? given ?? (await neighbour(name)) });
    } else if (!existsSync(path) && isDynamicPattern(path)) {
      const matched = await globbed(path);
      if (matched.length === 0) throw new UsageError(`no file matches ${path}`);
      for (const file of matched) await add(file, false);
    } else {
      const info = await stat(path).catch((cause: unknown) => {
        throw fileError('read', path, cause);
      });
      if (!info.isDirectory()) await add(path, true);
      else for (const file of await configFilesBelow(path, notes)) await add(file, false);
    }
  }
  return { files, notes };
}

async function globbed(pattern: string): Promise<readonly string[]> {
  const ignore = ['**/node_modules/**', '**/.git/**'];
  // A backslash separates folders on Windows alone; elsewhere it takes the meaning from the letter behind it.
  const portable = process.platform === 'win32' ? pattern.replaceAll('\\', '/') : pattern;
  // Links are followed, because download caches hold files as links; the walker leaves circles.
  const matched = await glob(portable, { ignore, onlyFiles: true, followSymbolicLinks: true, expandDirectories: false });
  const shortest = new Map<string, string>();
  for (const path of matched.sort((a, b) => b.length - a.length)) shortest.set(await identityOf(path), path);
  return [...shortest.values()].sort();
}

/** With the folder's real name: a link that leads around in a circle shows the same folder again. */
async function identityOf(path: string): Promise<string> {
  return join(await realpath(dirname(path)).catch(() => resolve(dirname(path))), basename(path));
}

async function configFilesBelow(root: string, notes: string[]): Promise<readonly string[]> {
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
      if (entry.isDirectory()) {
        if (depth < maxDepth && !entry.name.startsWith('.') && !skipped.has(entry.name)) await visit(path, depth + 1);
      } else if (/\.(json|jsonc|ya?ml)$/i.test(entry.name) && !otherFiles.has(entry.name) && (await isFile(entry, path))) found.push(path);
    }
  };
  await visit(root, 0);
  if (found.length >= maxFiles) notes.push(`${root}: only the first ${maxFiles} JSON and YAML files were looked at`);
  return found;
}

/** Download caches hold a model's files as links. Links to directories are not followed: they can lead in circles. */
async function isFile(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  return stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}

async function modelConfigOf(directory: string): Promise<{ readonly path: string; readonly text: string }> {
  await requireModelDirectory(directory);
  const path = join(directory, 'config.json');
  return { path, text: await readText(path) };
}

function ownConfig(path: string, text: string): ConfigFile['modelConfig'] {
  return basename(path) === 'config.json' ? { path, text } : null;
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
