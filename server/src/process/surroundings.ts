// What a check of a document depends on beside its text, as one value that stays the same object for as long as nothing changes:
// settings, the model's config, what lies beside the config, and the side file of severities and suppressions.
import { noSideFile, readSideFile, type SideFile } from '@quantwright/schemas/check/side-file';
import type { SeveritySettings } from '@quantwright/schemas/check/types';
import type { ModelFiles } from '@quantwright/schemas/checkpoint/model-files';
import type { ServerSettings } from '@quantwright/schemas/rpc/server';
import type { Conditions } from '../document/analysis.ts';
import type { Neighbours } from '../workspace/neighbours.ts';
import { nameForSideFile } from '../workspace/sideFile.ts';

export interface SurroundingsHost {
  readonly neighbours: Neighbours;
  readonly settings: () => Required<ServerSettings>;
  readonly folders: () => readonly string[];
  /** Other files and tensor names beside a config or in its model's directory; null: none, or not allowed. */
  readonly modelFiles: (documentUri: string) => Promise<ModelFiles | null>;
  readonly warn: (message: string) => void;
}

export function createSurroundings(host: SurroundingsHost): (documentUri: string) => Promise<Conditions> {
  const sideFiles = new Map<string, { readonly text: string; readonly side: SideFile }>();
  let severities: { readonly settings: ServerSettings; readonly bySide: Map<SideFile, SeveritySettings> } | null = null;

  const read = (uri: string, text: string): SideFile => {
    const known = sideFiles.get(uri);
    if (known !== undefined && known.text === text) return known.side;
    const side = readSideFile(text);
    for (const problem of side.problems) host.warn(`${uri}: ${problem}`);
    sideFiles.set(uri, { text, side });
    return side;
  };

  /** The project's own file comes before the user's settings: it is what the command line goes by, too. */
  const severityOf = (settings: Required<ServerSettings>, side: SideFile): SeveritySettings => {
    if (severities?.settings !== settings) severities = { settings, bySide: new Map() };
    const known = severities.bySide.get(side);
    if (known !== undefined) return known;
    const off = Object.fromEntries(settings.suppress.map((code) => [code, 'off' as const]));
    const merged = { ...settings.severity, ...off, ...side.severity };
    severities.bySide.set(side, merged);
    return merged;
  };

  return async (documentUri) => {
    const settings = host.settings();
    const folders = host.folders();
    const [modelConfigText, sideFile, files] = await Promise.all([
      host.neighbours.modelConfigFor(documentUri, settings, folders),
      host.neighbours.sideFileFor(documentUri, settings, folders),
      settings.readNeighbours ? host.modelFiles(documentUri) : null,
    ]);
    const side = sideFile === null ? noSideFile : read(sideFile.uri, sideFile.text);
    return {
      targets: settings.targets,
      modelConfigText,
      files,
      severity: severityOf(settings, side),
      side,
      sideName: sideFile === null ? '' : nameForSideFile(documentUri, sideFile.uri),
    };
  };
}
