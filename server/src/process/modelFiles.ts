// What lies beside a config or in its model's directory (other configs; names and shapes of tensors, never weights), remembered until a file there
// changes. Without a watcher an answer holds for a moment, so that a burst of key strokes looks once.
import type { ModelFiles } from '@quantwright/schemas/checkpoint/model-files';
import type { ServerSettings } from '@quantwright/schemas/rpc/server';
import { canonicalUri, directoryOf, modelConfigCandidates } from '../workspace/modelConfig.ts';

/** Reads a directory; `own`: the config's path, which is no neighbour of itself. Null: there is nothing to read. */
export type ReadModelFiles = (directoryUri: string, ownUri: string) => Promise<ModelFiles | null>;

export interface ModelFilesMemory {
  of(documentUri: string, settings: ServerSettings, folders: readonly string[]): Promise<ModelFiles | null>;
  /** A file appeared, changed or went. */
  forget(uri: string): void;
}

const holdsMs = 1000;
/** Documents whose surroundings are kept; a model's tensor table can hold a hundred thousand names. */
const keptDocuments = 64;

export function createModelFiles(read: ReadModelFiles, watched: () => boolean, now: () => number = () => performance.now()): ModelFilesMemory {
  const known = new Map<string, { readonly directories: readonly string[]; readonly files: Promise<ModelFiles | null>; readonly at: number; stale: boolean }>();

  return {
    of(documentUri, { modelDirectory, readNeighbours }, folders) {
      if (!readNeighbours) return Promise.resolve(null);
      const key = `${documentUri} ${modelDirectory ?? ''}`;
      const remembered = known.get(key);
      if (remembered !== undefined && !remembered.stale && (watched() || now() - remembered.at < holdsMs)) return remembered.files;
      const directories = directoriesOf(documentUri, modelDirectory, folders);
      const reading = firstOf(directories, (directory) => read(directory, documentUri));
      // The same value as before when nothing changed, so that nothing is judged again.
      const files = Promise.all([remembered?.files ?? null, reading]).then(([before, after]) => (before !== null && same(before, after) ? before : after));
      known.delete(key);
      known.set(key, { directories: directories.map(canonicalUri), files, at: now(), stale: false });
      for (const oldest of known.keys()) {
        if (known.size <= keptDocuments) break;
        known.delete(oldest);
      }
      return files;
    },
    forget(uri) {
      const directory = directoryOf(canonicalUri(uri));
      // Kept to be compared with, but read again at the next question.
      for (const entry of known.values()) if (entry.directories.includes(directory)) entry.stale = true;
    },
  };
}

/** Where the model is: its own directory by the setting, the document's, and `model` beside it. */
function directoriesOf(documentUri: string, modelDirectory: string | null, folders: readonly string[]): readonly string[] {
  const places = modelConfigCandidates({ documentUri, modelDirectory, folders }).map(directoryOf);
  return documentUri.startsWith('file:') ? [...new Set([...places, directoryOf(documentUri)])] : places;
}

/** The first directory that has tensors; else the first that has any file. */
async function firstOf(directories: readonly string[], read: (directory: string) => Promise<ModelFiles | null>): Promise<ModelFiles | null> {
  let other: ModelFiles | null = null;
  for (const directory of directories) {
    const files = await read(directory);
    if (files?.tensors != null) return files;
    other ??= files;
  }
  return other;
}

function same(left: ModelFiles, right: ModelFiles | null): boolean {
  if (right === null || left.tensors !== right.tensors || left.texts.size !== right.texts.size) return false;
  return [...left.texts].every(([name, text]) => right.texts.get(name) === text);
}
