// Where the side file of a document may be (.quantwright/check.json in a folder above it, the nearest first), and how it calls the document. Pure.
import { SIDE_FILE } from '@quantwright/schemas/check/side-file';
import { canonicalUri, directoryOf } from './modelConfig.ts';

/** Deeper than any project; ends the walk for a document outside every workspace folder. */
const ancestorLimit = 24;

/** Not above the workspace folder that holds the document. */
export function sideFileCandidates(documentUri: string, folders: readonly string[]): readonly string[] {
  if (!documentUri.startsWith('file:')) return [];
  const inside = folders.map((uri) => canonicalUri(uri).replace(/\/$/, '')).filter((folder) => canonicalUri(documentUri).startsWith(`${folder}/`));
  const top = inside.sort((left, right) => left.length - right.length)[0];
  const candidates: string[] = [];
  let directory = directoryOf(documentUri);
  for (let count = 0; count < ancestorLimit && /^file:\/\/[^/]*\/./.test(directory); count += 1) {
    candidates.push(`${directory}/${SIDE_FILE}`);
    if (canonicalUri(directory) === top) break;
    directory = directoryOf(directory);
  }
  return candidates;
}

/** The document relative to the folder that the side file speaks for. */
export function nameForSideFile(documentUri: string, sideFileUri: string): string {
  const folder = canonicalUri(sideFileUri).slice(0, -SIDE_FILE.length);
  return canonicalUri(documentUri).slice(folder.length);
}
