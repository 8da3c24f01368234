// Text of the files that lie around a document: an open editor wins over the disk, reads are remembered until a watcher reports a
// change (without a watcher the reader looks at the time of the file). Reads nothing at all when the settings forbid it.
import type { ServerSettings } from '@quantwright/schemas/rpc/server';
import { canonicalUri, directoryOf, modelConfigCandidates } from './modelConfig.ts';
import { sideFileCandidates } from './sideFile.ts';

export interface NeighbourSources {
  /** Text of a file, or null when there is none to read. */
  readonly readText: (uri: string) => Promise<string | null>;
  /** Text of an open document, unsaved changes included; undefined when it is not open. */
  readonly openText: (uri: string) => string | undefined;
  /** The client tells when a file changes: what was read holds until then. */
  readonly watched: () => boolean;
}

export interface Neighbours {
  modelConfigFor(documentUri: string, settings: ServerSettings, folders: readonly string[]): Promise<string | null>;
  /** The nearest .quantwright/check.json above the document. */
  sideFileFor(documentUri: string, settings: ServerSettings, folders: readonly string[]): Promise<{ readonly uri: string; readonly text: string } | null>;
  /** True when what lies at this URI may change what is said of the document: it must be checked again after a change there. */
  concerns(documentUri: string, changedUri: string, settings: ServerSettings, folders: readonly string[]): boolean;
  forget(uri: string): void;
}

/** Opened projects have a handful of models; the cap only bounds a pathological workspace. */
const rememberedFiles = 512;

export function createNeighbours(sources: NeighbourSources): Neighbours {
  const remembered = new Map<string, Promise<string | null>>();

  const read = (uri: string): Promise<string | null> => {
    const open = sources.openText(uri);
    if (open !== undefined) return Promise.resolve(open);
    if (!sources.watched()) return sources.readText(uri);
    const known = remembered.get(canonicalUri(uri));
    if (known !== undefined) return known;
    const reading = sources.readText(uri);
    remembered.set(canonicalUri(uri), reading);
    for (const oldest of remembered.keys()) {
      if (remembered.size <= rememberedFiles) break;
      remembered.delete(oldest);
    }
    return reading;
  };

  const models = (documentUri: string, settings: ServerSettings, folders: readonly string[]): readonly string[] =>
    settings.readNeighbours ? modelConfigCandidates({ documentUri, modelDirectory: settings.modelDirectory, folders }) : [];
  const sides = (documentUri: string, settings: ServerSettings, folders: readonly string[]): readonly string[] =>
    settings.readNeighbours ? sideFileCandidates(documentUri, folders) : [];
  const first = async (uris: readonly string[]): Promise<{ readonly uri: string; readonly text: string } | null> => {
    for (const uri of uris) {
      const text = await read(uri);
      if (text !== null) return { uri, text };
    }
    return null;
  };

  return {
    modelConfigFor: async (documentUri, settings, folders) => (await first(models(documentUri, settings, folders)))?.text ?? null,
    sideFileFor: (documentUri, settings, folders) => first(sides(documentUri, settings, folders)),
    concerns(documentUri, changedUri, settings, folders) {
      if (!settings.readNeighbours) return false;
      const changed = canonicalUri(changedUri);
      const places = [...models(documentUri, settings, folders), ...sides(documentUri, settings, folders)];
      const beside = places.filter((uri) => /\/config\.json$/.test(uri)).some((uri) => canonicalUri(directoryOf(uri)) === directoryOf(changed));
      return beside || directoryOf(canonicalUri(documentUri)) === directoryOf(changed) || places.some((uri) => canonicalUri(uri) === changed);
    },
    forget: (uri) => void remembered.delete(canonicalUri(uri)),
  };
}
