// A pattern becomes the one that was meant, or goes.
import type { Fix } from '../../check/finding.ts';
import type { WrittenPattern } from '../../configs/written-patterns.ts';

export function patternFixes({ text, path, isKey }: WrittenPattern, better: string | null): readonly Fix[] {
  const remove: Fix = { title: `Remove ${JSON.stringify(text)}`, edits: [{ kind: 'remove', path }], preferred: better === null };
  if (better === null) {
    return [remove];
  }
  const edit = isKey ? ({ kind: 'rename', path, key: better } as const) : ({ kind: 'set', path, value: better } as const);
  return [{ title: `Write ${JSON.stringify(better)} instead`, edits: [edit], preferred: true }, remove];
}
