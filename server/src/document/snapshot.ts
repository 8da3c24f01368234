// A document as it was when it was checked. Positions come from the open document's own line table while that has the same version, because
// counting the lines of a large text again would cost more than checking it.
import { type Position, type Range, TextDocument } from 'vscode-languageserver-textdocument';

export function snapshotOf(live: TextDocument): TextDocument {
  const { uri, languageId, version } = live;
  const text = live.getText();
  let own: TextDocument | null = null;
  const lines = (): TextDocument => {
    if (live.version === version) return live;
    own ??= TextDocument.create(uri, languageId, version, text);
    return own;
  };
  return {
    uri,
    languageId,
    version,
    get lineCount() {
      return lines().lineCount;
    },
    getText: (range?: Range) => (range === undefined ? text : lines().getText(range)),
    positionAt: (offset: number): Position => lines().positionAt(offset),
    offsetAt: (position: Position): number => lines().offsetAt(position),
    getLineRange: (line: number) => lines().getLineRange(line),
    getEOLCharacters: (line: number) => lines().getEOLCharacters(line),
  };
}
