// Text operations of an editor, for tests: offsets and positions, text edits, the cursor marker. Written apart from the server's
// own document library, so that a fault there does not hide.

export interface TextPosition {
  readonly line: number;
  readonly character: number;
}

export interface TextChange {
  readonly range: { readonly start: TextPosition; readonly end: TextPosition };
  readonly newText: string;
}

export function positionAt(text: string, offset: number): TextPosition {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 };
}

export function offsetAt(text: string, position: TextPosition): number {
  const ends = [...text.matchAll(/\r\n|\n|\r/g)];
  const before = ends[position.line - 1];
  return (before === undefined ? 0 : before.index + before[0].length) + position.character;
}

export function applyTextEdits(text: string, edits: readonly TextChange[]): string {
  const changes = edits.map(({ range, newText }) => ({ start: offsetAt(text, range.start), end: offsetAt(text, range.end), newText }));
  changes.sort((left, right) => right.start - left.start || right.end - left.end);
  return changes.reduce((result, { start, end, newText }) => result.slice(0, start) + newText + result.slice(end), text);
}

/** `{ | }` -> the text without the marker, and where it stood. */
export function atCursor(marked: string): { readonly text: string; readonly offset: number } {
  const offset = marked.indexOf('|');
  if (offset === -1) throw new Error(`no cursor marker | in ${marked}`);
  return { text: marked.slice(0, offset) + marked.slice(offset + 1), offset };
}
