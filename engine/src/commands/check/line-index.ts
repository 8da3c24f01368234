// Offsets (UTF-16 code units, as findings have them) -> line and column, both from 1, as compilers print them.

export interface Place {
  readonly line: number;
  readonly column: number;
}

export type LineIndex = (offset: number) => Place;

export function lineIndex(text: string): LineIndex {
  const starts = [0];
  for (let index = 0; index < text.length; index++) if (text[index] === '\n') starts.push(index + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
