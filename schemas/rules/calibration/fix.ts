// Writes the number that works.
import type { Fix } from '../../check/finding.ts';
import type { JsonPath } from '../../recipe/origin.ts';

export function numberFix(path: JsonPath, value: number): readonly Fix[] {
  return [{ title: `Set "${path.at(-1)}" to ${value}`, edits: [{ kind: 'set', path, value }], preferred: true }];
}
