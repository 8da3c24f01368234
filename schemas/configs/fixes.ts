// The usual fixes of problems that lower() and inspect() find.
import type { Fix } from '../check/finding.ts';
import type { JsonPath } from '../recipe/origin.ts';

export function setFix(path: JsonPath, value: unknown): Fix {
  return { title: `Set "${path.at(-1)}" to ${JSON.stringify(value)}`, edits: [{ kind: 'set', path, value }], preferred: true };
}

export function removeFix(path: JsonPath): Fix {
  return { title: `Remove "${path.at(-1)}"`, edits: [{ kind: 'remove', path }], preferred: true };
}

export function renameFix(path: JsonPath, key: string): Fix {
  return { title: `Rename "${path.at(-1)}" to "${key}"`, edits: [{ kind: 'rename', path, key }], preferred: true };
}
