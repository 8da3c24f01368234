// What lies beside a config or in its model's directory (other configs; names and shapes of tensors, never weights), remembered until a file there
// changes. Without a watcher an answer holds for a moment, so that a burst of key strokes looks once.
import type { ModelFiles } from '@quantwright/schemas/checkpoint/model-files';
import type { ServerSettings } from '@quantwright/schemas/rpc/server';
import { canonicalUri, directoryOf, modelConfigCandidates } from '../workspace/modelConfig.ts';

/**
 * Reads a directory; `ownUri`: the config, which is no neighbour of itself. Null: no place that can be read. The same value as before when nothing
 * there changed, so that nothing is judged again.
 */
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
  const known = new Map<string, { readonly directories: readonly string[]; readonly files: Promise<ModelFiles | null>; readonly at: number }>();

  return {
    of(documentUri, { modelDirectory, readNeighbours }, folders) {
      if (!readNeighbours) return Promise.resolve(null);
      const key = `${documentUri} ${modelDirectory ?? ''}`;
      const remembered = known.get(key);
      if (remembered !== undefined && (watched() || now() - remembered.at < holdsMs)) return remembered.files;
      const directories = directoriesOf(documentUri, modelDirectory, folders);
      const files = firstOf(directories, (directory) => read(directory, documentUri));
      known.delete(key);
      known.set(key, { directories: directories.map(canonicalUri), files, at: now() });
      for (const oldest of known.keys()) {
        if (known.size <= keptDocuments) break;
        known.delete(oldest);
      }
      return files;
    },
    forget(uri) {
      const directory = directoryOf(canonicalUri(uri));
      for (const [key, { directories }] of known) if (directories.includes(directory)) known.delete(key);
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
    if (files !== null && files.tensors !== null) return files;
    if (files !== null && files.texts.size > 0) other ??= files;
  }
  return other;
}
