// Text of the model config a document belongs to: an open editor wins over the disk, reads are remembered until a watcher reports a
// change. Reads nothing at all when the settings forbid it (untrusted workspace).
import type { ServerSettings } from '@quantwright/schemas/rpc/server';
import { canonicalUri, modelConfigCandidates } from './modelConfig.ts';

export interface NeighbourSources {
  /** Text of a file, or null when there is none to read. */
  readonly readText: (uri: string) => Promise<string | null>;
  /** Text of an open document, unsaved changes included; undefined when it is not open. */
  readonly openText: (uri: string) => string | undefined;
}

export interface Neighbours {
  modelConfigFor(documentUri: string, settings: ServerSettings, folders: readonly string[]): Promise<string | null>;
  /** True when a document's model config may be this URI: it must be checked again after a change there. */
  concerns(documentUri: string, changedUri: string, settings: ServerSettings, folders: readonly string[]): boolean;
  forget(uri: string): void;
}

/** Opened projects have a handful of models; the cap only bounds a pathological workspace. */
const rememberedFiles = 128;

export function createNeighbours(sources: NeighbourSources): Neighbours {
  const remembered = new Map<string, Promise<string | null>>();

  const read = (uri: string): Promise<string | null> => {
    const open = sources.openText(uri);
    if (open !== undefined) return Promise.resolve(open);
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

  const candidates = (documentUri: string, settings: ServerSettings, folders: readonly string[]): readonly string[] =>
    settings.readNeighbours ? modelConfigCandidates({ documentUri, modelDirectory: settings.modelDirectory, folders }) : [];

  return {
    async modelConfigFor(documentUri, settings, folders) {
      for (const uri of candidates(documentUri, settings, folders)) {
        const text = await read(uri);
        if (text !== null) return text;
      }
      return null;
    },
    concerns: (documentUri, changedUri, settings, folders) =>
      candidates(documentUri, settings, folders).some((uri) => canonicalUri(uri) === canonicalUri(changedUri)),
    forget: (uri) => void remembered.delete(canonicalUri(uri)),
  };
}
