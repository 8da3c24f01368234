// What an unknown key was meant to be: the same idea's key in this format, or the nearest spelling; and the change that writes it.
import type { Fix } from '../../check/finding.ts';
import { type Meaning, translate } from '../../check/foreign-keys.ts';
import { nearestWord } from '../../check/nearest-word.ts';
import type { JsonSchema } from '../../configs/json-schema.ts';
import { nodeAt } from '../../document/find.ts';
import type { ConfigNode } from '../../document/node.ts';
import type { JsonPath } from '../../recipe/origin.ts';

export function suggestion(key: string, value: unknown, schema: JsonSchema): Meaning | null {
  const foreign = translate(key, value, schema);
  const near = foreign === null ? nearestWord(key, Object.keys(schema.properties ?? {})) : null;
  return near === null ? foreign : { key: near, value };
}

/** Renames, or rewrites where the value changes with the key; removes when the right key is there already. */
export function keyFixes(path: JsonPath, value: unknown, meant: Meaning | null, root: ConfigNode | null): readonly Fix[] {
  const key = String(path.at(-1));
  const remove: Fix = { title: `Remove "${key}"`, edits: [{ kind: 'remove', path }], preferred: meant === null };
  if (meant === null) {
    return [remove];
  }
  const right = [...path.slice(0, -1), meant.key];
  if (nodeAt(root, right) !== null) {
    return [{ ...remove, preferred: true }];
  }
  const same = meant.value === value;
  const edits: Fix['edits'] = same
    ? [{ kind: 'rename', path, key: meant.key }]
    : [
        { kind: 'rename', path, key: meant.key },
        { kind: 'set', path: right, value: meant.value },
      ];
  return [{ title: same ? `Rename to "${meant.key}"` : `Write "${meant.key}": ${JSON.stringify(meant.value)} instead`, edits, preferred: true }, remove];
}
