// Tables of comma-separated values (RFC 4180): quoted fields may hold commas, line ends and doubled quotes. Pure.

export interface CsvRow {
  readonly fields: readonly string[];
  /** Where the row begins, from 1. */
  readonly line: number;
}

/** Rows in order; empty lines are left out. openFrom: the line on which a quoted field begins that never ends, else null. */
export function parseCsv(source: string): { readonly rows: readonly CsvRow[]; readonly openFrom: number | null } {
  const rows: CsvRow[] = [];
  let fields: string[] = [];
  let field = '';
  let quoted = false;
  let line = 1;
  let begins = 1;
  let quoteLine = 1;
  const endField = (): void => {
    fields.push(field);
    field = '';
  };
  const endRow = (): void => {
    endField();
    if (fields.length > 1 || fields[0] !== '') rows.push({ fields, line: begins });
    fields = [];
    begins = line;
  };
  for (let at = 0; at < source.length; at++) {
    const character = source[at] ?? '';
    if (character === '\n') line++;
    if (quoted) {
      if (character !== '"') field += character;
      else if (source[at + 1] === '"') {
        field += '"';
        at++;
      } else quoted = false;
    } else if (character === '"' && field === '') {
      quoted = true;
      quoteLine = line;
    } else if (character === ',') endField();
    else if (character === '\n') endRow();
    else if (character !== '\r' || source[at + 1] !== '\n') field += character;
  }
  if (quoted) return { rows, openFrom: quoteLine };
  if (field !== '' || fields.length > 0) endRow();
  return { rows, openFrom: null };
}
