// The one place where the server touches the disk: small text files (looked at again when their time or size changed), whether a path is
// there, and the configs below a folder. Nothing is written.
import type { Dirent, Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createModelFilesCache, readModelFiles } from '@quantwright/schemas/node/model-files';
import type { ReadModelFiles } from './modelFiles.ts';

/** A model's config.json has some kB; the largest known quantization blocks reach 3 MB. More is no config. */
const byteLimit = 8 * 1024 * 1024;
/** Texts kept so that a file that did not change is not read again. */
const keptTexts = 512;

export interface Files {
  /** Null when there is none to read. The same string as long as the file does not change. */
  readText(uri: string): Promise<string | null>;
  exists(uri: string): Promise<boolean>;
  /** Files below a folder that may be quantization configs, bounded. */
  configsBelow(folderUri: string, cancelled: () => boolean): Promise<readonly string[]>;
}

export function createFiles(): Files {
  const kept = new Map<string, { readonly mark: string; readonly text: string }>();
  return {
    async readText(uri) {
      const path = pathOf(uri);
      if (path === null) return null;
      try {
        const known = kept.get(path);
        if (known !== undefined && markOf(await stat(path)) === known.mark) return known.text;
        kept.delete(path);
        const file = await open(path, 'r');
        try {
          const stats = await file.stat();
          if (!stats.isFile() || stats.size > byteLimit) return null;
          const text = await file.readFile('utf8');
          kept.set(path, { mark: markOf(stats), text });
          for (const oldest of kept.keys()) {
            if (kept.size <= keptTexts) break;
            kept.delete(oldest);
          }
          return text;
        } finally {
          await file.close();
        }
      } catch {
        // Absent, unreadable or not a local path: the same as no model beside the config, which is the usual case.
        return null;
      }
    },
    async exists(uri) {
      const path = pathOf(uri);
      return path !== null && (await stat(path).catch(() => null)) !== null;
    },
    configsBelow: walk,
  };
}

/** The files and tensor headers of a directory, through the one reader of the project. */
export function createModelFilesReader(): ReadModelFiles {
  const cache = createModelFilesCache();
  return async (directoryUri, ownUri) => {
    const directory = pathOf(directoryUri);
    const own = pathOf(ownUri);
    if (directory === null) return null;
    return readModelFiles(directory, own !== null && dirname(own) === directory ? basename(own) : '', cache);
  };
}

const skippedFolders = new Set(['node_modules', '__pycache__', 'venv', 'site-packages', 'dist', 'build', 'target']);
/** Names under which tools write and read quantization configs; the shape of the document decides. */
const telling = /quant|config|recipe|^ds_/i;
const never = /^(package(-lock)?|[tj]sconfig.*|tokenizer_config|generation_config|(pre)?processor_config|special_tokens_map|.*\.index)\.json$/i;
const depthLimit = 12;
const folderLimit = 20_000;
const fileLimit = 2000;

/** Breadth first, so that a bound cuts off what lies deepest. Links are not followed. */
async function walk(folderUri: string, cancelled: () => boolean): Promise<readonly string[]> {
  const root = pathOf(folderUri);
  const found: string[] = [];
  let level = root === null ? [] : [root];
  let folders = 0;
  for (let depth = 0; depth < depthLimit && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      folders += 1;
      if (cancelled() || folders > folderLimit || found.length >= fileLimit) return found;
      for (const entry of await entriesOf(folder)) {
        if (entry.isDirectory() && !entry.name.startsWith('.') && !skippedFolders.has(entry.name)) next.push(join(folder, entry.name));
        else if (entry.isFile() && mayBeConfig(entry.name) && found.length < fileLimit) found.push(pathToFileURL(join(folder, entry.name)).href);
      }
    }
    level = next;
  }
  return found;
}

export function mayBeConfig(name: string): boolean {
  return /\.(jsonc?|ya?ml)$/i.test(name) && telling.test(name) && !never.test(name);
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  } catch {
    // A folder that may not be read holds nothing for us.
    return [];
  }
}

function markOf(stats: Stats): string {
  return `${stats.mtimeMs} ${stats.size}`;
}

function pathOf(uri: string): string | null {
  if (!uri.startsWith('file:')) return null;
  try {
    return fileURLToPath(uri);
  } catch {
    return null;
  }
}
