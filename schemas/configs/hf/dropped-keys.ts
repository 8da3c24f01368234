// Keys that a tool once read and now passes over: a hint each, with their removal.
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import type { JsonObject } from '../fields.ts';

/** `keys`: key -> why it has no effect any more. */
export function droppedKeys(value: JsonObject, path: JsonPath, keys: Readonly<Record<string, string>>, source: string): readonly LowerProblem[] {
  return Object.entries(keys).flatMap(([key, why]) => {
    const at = [...path, key];
    return !Object.hasOwn(value, key)
      ? []
      : [
          {
            code: 'QC020',
            severity: 'hint' as const,
            path: at,
            message: `"${key}" is no longer read: ${why}`,
            source,
            fixes: [{ title: `Remove "${key}"`, edits: [{ kind: 'remove' as const, path: at }], preferred: true }],
          },
        ];
  });
}
