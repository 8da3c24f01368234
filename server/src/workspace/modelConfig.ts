// Where the config.json of the model may lie that a quantization config is for: an ordered list of URIs, first hit wins. Pure.
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface ModelPlace {
  readonly documentUri: string;
  /** The setting: absolute, or relative to the workspace folder that holds the document. */
  readonly modelDirectory: string | null;
  /** URIs of the workspace folders. */
  readonly folders: readonly string[];
}

export function modelConfigCandidates({ documentUri, modelDirectory, folders }: ModelPlace): readonly string[] {
  if (fileNameOf(documentUri) === 'config.json') return [];
  const beside = modelDirectory === null ? [] : [fromSetting(documentUri, modelDirectory, folders)];
  const candidates = [...beside, resolve('config.json', documentUri), resolve('model/config.json', documentUri)];
  return candidates.filter((uri) => uri !== null);
}

export function fileNameOf(uri: string): string {
  return canonicalUri(uri.split(/[/\\]/).pop() ?? uri);
}

/** Without a slash at its end. */
export function directoryOf(uri: string): string {
  return uri.slice(0, Math.max(0, uri.lastIndexOf('/')));
}

/** One spelling per file: clients escape more characters than URLs need. */
export function canonicalUri(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

function fromSetting(documentUri: string, directory: string, folders: readonly string[]): string | null {
  const slashed = directory.endsWith('/') ? directory : `${directory}/`;
  if (isAbsolute(directory)) return new URL('config.json', pathToFileURL(slashed)).href;
  const folder = folders.filter((uri) => documentUri.startsWith(asDirectory(uri))).sort((left, right) => right.length - left.length)[0] ?? folders[0];
  return resolve(`${slashed}config.json`, folder === undefined ? documentUri : asDirectory(folder));
}

function asDirectory(uri: string): string {
  return uri.endsWith('/') ? uri : `${uri}/`;
}

/** null for URIs that have no places beside them (untitled:Untitled-1). */
function resolve(relative: string, base: string): string | null {
  try {
    return new URL(relative.split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':'), base).href;
  } catch {
    return null;
  }
}
